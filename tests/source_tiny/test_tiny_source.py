"""Does the source hand over the embedded model whole, checked, and only the version that is installed?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from exo_core.errors import ModelError
from exo_core.identifiers import ModelId
from exo_core.manifests import Manifest
from exo_core.sources import FetchProgress, Part, SourceContext
from exo_source_tiny import embedded_model
from exo_source_tiny.embedded_model import EMBEDDED_FOLDER, TINY
from exo_source_tiny.tiny_source import TinySource

LARGEST_FOLDER = 8 * 1024 * 1024


@pytest.fixture
def source(tmp_path: Path) -> TinySource:
    return TinySource(SourceContext(models=tmp_path))


def parts_of(manifest: Manifest) -> Sequence[Part]:
    return [Part(path=file.path) for file in manifest.files]


async def fetched(source: TinySource, manifest: Manifest, parts: Sequence[Part], into: Path) -> list[FetchProgress]:
    return [step async for step in source.fetch(manifest, parts, into)]


async def test_it_claims_tiny_and_nothing_else(source: TinySource) -> None:
    assert await source.catalogue() == (TINY,)
    assert source.claims(TINY)
    for other in ("Tiny", "tiny/tiny", "./tiny", "", "org/tiny"):
        assert not source.claims(ModelId(other))
        with pytest.raises(ModelError, match="one model, 'tiny'"):
            await source.resolve(ModelId(other))


async def test_the_manifest_describes_the_installed_files(source: TinySource) -> None:
    manifest = await source.resolve(TINY)
    for file in manifest.files:
        content = (EMBEDDED_FOLDER / file.path).read_bytes()
        assert (file.size, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert {file.path for file in manifest.files} == {path.name for path in EMBEDDED_FOLDER.iterdir()}
    assert sum(file.size for file in manifest.files) <= LARGEST_FOLDER
    assert Manifest.model_validate_json(manifest.model_dump_json()) == manifest


async def test_two_sources_agree_on_the_revision(source: TinySource, tmp_path: Path) -> None:
    assert await source.resolve(TINY) == await TinySource(SourceContext(models=tmp_path / "other")).resolve(TINY)


async def test_other_bytes_are_another_revision(source: TinySource, tmp_path: Path) -> None:
    manifest = await source.resolve(TINY)
    await fetched(source, manifest, parts_of(manifest), tmp_path)
    assert embedded_model.read_manifest(tmp_path) == manifest
    (tmp_path / "config.json").write_text("{}")
    assert embedded_model.read_manifest(tmp_path).revision != manifest.revision


async def test_it_is_on_disk_without_a_fetch(source: TinySource) -> None:
    assert source.local_folder(await source.resolve(TINY)) == EMBEDDED_FOLDER


async def test_another_version_is_not_on_disk_and_cannot_be_fetched(source: TinySource, tmp_path: Path) -> None:
    other = (await source.resolve(TINY)).model_copy(update={"revision": "0123456789abcdef"})
    assert source.local_folder(other) is None
    with pytest.raises(ModelError, match="same version of exo"):
        await fetched(source, other, parts_of(other), tmp_path / "into")
    assert not (tmp_path / "into").exists()


async def test_a_fetch_copies_every_file_and_ends_at_the_total(source: TinySource, tmp_path: Path) -> None:
    manifest = await source.resolve(TINY)
    steps = await fetched(source, manifest, parts_of(manifest), tmp_path / "into")
    total = sum(file.size for file in manifest.files)
    assert [step.done for step in steps] == sorted({step.done for step in steps})
    assert (steps[0].done, steps[-1].done) == (0, total)
    assert {step.total for step in steps} == {total}
    assert embedded_model.read_manifest(tmp_path / "into") == manifest


async def test_a_second_fetch_keeps_what_is_right_and_mends_what_is_not(source: TinySource, tmp_path: Path) -> None:
    manifest = await source.resolve(TINY)
    await fetched(source, manifest, parts_of(manifest), tmp_path)
    kept = (tmp_path / "model.safetensors").stat().st_ino
    (tmp_path / "config.json").write_text("{")
    await fetched(source, manifest, parts_of(manifest), tmp_path)
    assert (tmp_path / "model.safetensors").stat().st_ino == kept
    assert embedded_model.read_manifest(tmp_path) == manifest


async def test_a_stopped_fetch_leaves_no_half_file(source: TinySource, tmp_path: Path) -> None:
    manifest = await source.resolve(TINY)
    steps = source.fetch(manifest, parts_of(manifest), tmp_path)
    await anext(steps)
    await anext(steps)
    await steps.aclose()
    assert [path.name for path in tmp_path.iterdir()] == [manifest.files[0].path]


async def test_named_tensors_bring_their_file_once(source: TinySource, tmp_path: Path) -> None:
    manifest = await source.resolve(TINY)
    parts = [
        Part(path="model.safetensors", tensors=(name,)) for name in ("model.norm.weight", "model.embed_tokens.weight")
    ]
    await fetched(source, manifest, parts, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


async def test_a_part_that_is_no_file_of_it_is_refused(source: TinySource, tmp_path: Path) -> None:
    manifest = await source.resolve(TINY)
    for path in ("../config.json", "/etc/hostname", "weights.bin"):
        with pytest.raises(ModelError, match="no file named"):
            await fetched(source, manifest, [Part(path=path)], tmp_path / "into")
    assert not (tmp_path / "into").exists()


def test_a_missing_file_says_how_to_mend_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="uv sync --reinstall-package exo-source-tiny"):
        embedded_model.read_manifest(tmp_path)


def test_the_config_is_a_small_llama_in_float32() -> None:
    config = json.loads((EMBEDDED_FOLDER / "config.json").read_text())
    assert (config["model_type"], config["architectures"], config["torch_dtype"]) == (
        "llama",
        ["LlamaForCausalLM"],
        "float32",
    )
    assert config["num_hidden_layers"] >= 4
