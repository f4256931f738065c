"""What a person is told when the hub does not give a model: what happened, and what to type next."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exo_core.errors import ModelError
from exo_core.identifiers import ModelId
from exo_core.sources import SourceContext
from exo_core.testing.model_members import write_model_folder
from exo_core.testing.source_conformance import fetch_all
from exo_source_huggingface import patience
from exo_source_huggingface.huggingface_source import HuggingFaceSource
from exo_source_huggingface.repository import repository_of

if TYPE_CHECKING:
    from local_hub import LocalHub

MODEL = ModelId("mlx-community/none-4bit")


@pytest.fixture
def source(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HuggingFaceSource:
    """With short pauses."""
    assert folder.is_dir()
    monkeypatch.setattr(patience, "PAUSES_S", (0.01, 0.01))
    return HuggingFaceSource(SourceContext(models=tmp_path / "models"))


async def test_a_gated_model_says_where_its_licence_is(
    source: HuggingFaceSource, hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.publish("meta/gated", write_model_folder(tmp_path / "gated"), gated="hf_right")
    manifest = await source.resolve(ModelId("meta/gated"))
    words = r"meta/gated is gated: accept its licence at http://127\.0\.0\.1:\d+/test/meta/gated and set HF_TOKEN"
    with pytest.raises(ModelError, match=words):
        await fetch_all(source, manifest, tmp_path / "into")
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(ModelError, match=words):
        await fetch_all(source, manifest, tmp_path / "into")
    monkeypatch.setenv("HF_TOKEN", "hf_right")
    await fetch_all(source, manifest, tmp_path / "into")
    assert not hub.saw_a_token, "a token is for the hub, not for where it has large files stored"


async def test_a_model_that_is_not_there_or_private(source: HuggingFaceSource, hub: LocalHub) -> None:
    with pytest.raises(ModelError, match=r"there is no org/missing at http://.*, or it is private.*HF_TOKEN"):
        await source.resolve(ModelId("org/missing"))
    assert hub.listed == ["org/missing@main"], "what is not there is not asked for again and again"


async def test_a_revision_that_is_not_there(source: HuggingFaceSource) -> None:
    with pytest.raises(ModelError, match=r"none-4bit has no revision 'old'"):
        await source.resolve(ModelId(f"{MODEL}@old"))


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_listing_that_fails_once_is_asked_for_again(
    status: int, source: HuggingFaceSource, hub: LocalHub
) -> None:
    hub.listing_faults.append(status)
    assert (await source.resolve(MODEL)).files


async def test_a_token_that_is_none_is_named(source: HuggingFaceSource, hub: LocalHub) -> None:
    hub.listing_faults += [403]
    with pytest.raises(ModelError, match=r"refuses mlx-community/none-4bit .*whether HF_TOKEN may read it"):
        await source.resolve(MODEL)


async def test_no_network(source: HuggingFaceSource, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        with pytest.raises(ModelError, match=r"http://127.* cannot be reached \(.*\): check the network"):
            await source.resolve(MODEL)


async def test_no_network_later_on(
    source: HuggingFaceSource, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was resolved before is used as it was then, by a source that was built anew as well."""
    from huggingface_hub import constants

    manifest, context = await source.resolve(MODEL), SourceContext(models=tmp_path / "models")
    assert list(await source.catalogue()) == []
    await fetch_all(source, manifest, context.folder(manifest))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    for again in (HuggingFaceSource(context), HuggingFaceSource(SourceContext(models=context.models, offline=True))):
        assert await again.resolve(MODEL) == manifest
        assert list(await again.catalogue()) == [MODEL]
        await fetch_all(again, manifest, context.folder(manifest))
    assert folder.is_dir()


async def test_offline_nothing_is_asked_and_the_reason_is_told(
    source: HuggingFaceSource, hub: LocalHub, tmp_path: Path
) -> None:
    offline = HuggingFaceSource(SourceContext(models=tmp_path / "models", offline=True))
    words = r"would have to be fetched from the Hugging Face Hub, and this node is offline by wish \(--offline\)"
    with pytest.raises(ModelError, match=words):
        await offline.resolve(MODEL)
    assert hub.listed == []
    manifest = await source.resolve(MODEL)
    with pytest.raises(ModelError, match=words):
        await fetch_all(offline, manifest, tmp_path / "into")
    assert hub.served == []


async def test_weights_in_other_formats_are_never_fetched(
    source: HuggingFaceSource, hub: LocalHub, tmp_path: Path
) -> None:
    made = write_model_folder(tmp_path / "mixed")
    for name in ("pytorch_model.bin", "modeling_none.py", "consolidated.safetensors", "model.gguf", "README.md"):
        (made / name).write_bytes(b"never")
    (made / "original").mkdir()
    (made / "original" / "params.json").write_bytes(b"{}")
    (made / "additional_chat_templates").mkdir()
    (made / "additional_chat_templates" / "tools.jinja").write_bytes(b"{{ tools }}")
    hub.publish("org/mixed", made)
    paths = {file.path for file in (await source.resolve(ModelId("org/mixed"))).files}
    usual = {"config.json", "tokenizer.json", "model-1.safetensors", "model-2.safetensors"}
    assert paths == {*usual, "additional_chat_templates/tools.jinja"}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pytorch_model.bin", "its weights are pickle files, which exo never loads"),
        ("model-Q4_K_M.gguf", "its weights are GGUF files"),
        ("README.md", "it holds no .safetensors file"),
    ],
)
async def test_a_repository_without_safetensors(
    name: str, words: str, source: HuggingFaceSource, hub: LocalHub, tmp_path: Path
) -> None:
    made = tmp_path / "other"
    made.mkdir()
    (made / name).write_bytes(b"weights")
    (made / "config.json").write_text("{}")
    hub.publish("org/other", made)
    with pytest.raises(ModelError, match=rf"org/other cannot be loaded: {words}.*mlx-community"):
        await source.resolve(ModelId("org/other"))


async def test_a_disk_without_room_is_told_before_anything_comes(
    source: HuggingFaceSource, hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, usage = await source.resolve(MODEL), shutil.disk_usage(tmp_path)

    def nearly_full(path: Path) -> object:
        del path
        return usage._replace(free=1024)

    monkeypatch.setattr(shutil, "disk_usage", nearly_full)
    with pytest.raises(ModelError, match=r"on the disk of .*: 0\.07 GB are missing\. Free some space"):
        await fetch_all(source, manifest, tmp_path / "into")
    assert hub.served == []


@pytest.mark.parametrize(
    "text", ["tiny", "/a/b", "./a/b", "~/models/x", "a/b/c", "a/../b", "a/b@", "a/b@../c", "a b/c", "a--b/c/..", ""]
)
def test_other_names_are_not_claimed(text: str) -> None:
    assert repository_of(ModelId(text)) is None


def test_names_with_revisions() -> None:
    found = repository_of(ModelId("Qwen/Qwen3-0.6B@refs/pr/1"))
    assert found is not None
    assert (found.name, found.wanted_revision) == ("Qwen/Qwen3-0.6B", "refs/pr/1")
    assert repository_of(ModelId("a_b/c.d-e")) is not None


async def test_a_busy_hub_is_not_waited_for_when_the_model_is_here(
    source: HuggingFaceSource, hub: LocalHub, tmp_path: Path
) -> None:
    manifest, context = await source.resolve(MODEL), SourceContext(models=tmp_path / "models")
    await fetch_all(source, manifest, context.folder(manifest))
    hub.listed.clear()
    hub.listing_faults += [503, 503]
    assert await source.resolve(MODEL) == manifest
    assert len(hub.listed) == 1


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_what_a_hub_refuses_is_used_as_it_lies_here(
    status: int, source: HuggingFaceSource, hub: LocalHub, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A token that expired, a licence or a repository that was withdrawn: the files are here all the same."""
    manifest, context = await source.resolve(MODEL), SourceContext(models=tmp_path / "models")
    await fetch_all(source, manifest, context.folder(manifest))
    hub.listing_faults += [status]
    assert await source.resolve(MODEL) == manifest
    assert hub.listing_faults == []
    assert f"using revision {manifest.revision[:12]}, which is known here" in caplog.text


def test_a_node_that_asks_no_hub_imports_nothing_heavy() -> None:
    program = (
        "import sys; from pathlib import Path; from exo_core.sources import SourceContext; "
        "from exo_source_huggingface.huggingface_source import HuggingFaceSource; "
        "HuggingFaceSource(SourceContext(models=Path('unused'))); "
        "print([name for name in ('huggingface_hub', 'httpx', 'httpx2', 'tqdm') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
