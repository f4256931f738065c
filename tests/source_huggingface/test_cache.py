"""What huggingface-hub fetched before is used where it lies: nothing comes twice, and nothing is written there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from huggingface_hub import (
    snapshot_download,  # pyright: ignore[reportUnknownVariableType]  two of its arguments are generic and bare
)

from exo_core.identifiers import ModelId
from exo_core.sources import SourceContext
from exo_core.testing.source_conformance import broken_files, fetch_all
from exo_source_huggingface.huggingface_source import HuggingFaceSource

if TYPE_CHECKING:
    from local_hub import LocalHub

MODEL = ModelId("mlx-community/none-4bit")


@pytest.fixture
def context(tmp_path: Path) -> SourceContext:
    return SourceContext(models=tmp_path / "models")


@pytest.fixture
def cached(hub: LocalHub, folder: Path, tmp_path: Path) -> Path:
    """The snapshot that huggingface-hub itself makes of the model."""
    (folder / "config.json").write_text(json.dumps({"architectures": ["NoneForCausalLM"]}))
    hub.publish(MODEL, folder)
    snapshot = Path(snapshot_download(MODEL, cache_dir=tmp_path / "hf" / "hub"))
    hub.served.clear()
    hub.listed.clear()
    return snapshot


def everything(folder: Path) -> dict[str, tuple[int, bytes]]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


async def test_a_complete_model_is_used_where_it_lies(cached: Path, context: SourceContext, hub: LocalHub) -> None:
    source = HuggingFaceSource(context)
    manifest = await source.resolve(MODEL)
    assert source.local_folder(manifest) == cached
    assert hub.served == []


async def test_what_is_missing_there_is_all_that_comes(
    cached: Path, context: SourceContext, hub: LocalHub, folder: Path
) -> None:
    (cached / "model-2.safetensors").resolve().unlink()
    before = everything(cached.parents[1])
    source = HuggingFaceSource(context)
    manifest, into = await source.resolve(MODEL), context.models / "into"
    assert source.local_folder(manifest) is None
    steps = await fetch_all(source, manifest, into)
    missing = (folder / "model-2.safetensors").stat().st_size
    assert steps[-1].total - steps[0].done == missing == hub.sent_to("test")
    assert broken_files(into, manifest.files) == []
    assert (into / "model-1.safetensors").stat().st_ino == (cached / "model-1.safetensors").stat().st_ino
    assert everything(cached.parents[1]) == before


async def test_offline_the_cache_is_enough(cached: Path, context: SourceContext, hub: LocalHub) -> None:
    online = await HuggingFaceSource(context).resolve(MODEL)
    hub.listed.clear()
    offline = HuggingFaceSource(SourceContext(models=context.models.with_name("others"), offline=True))
    assert list(await offline.catalogue()) == [MODEL]
    manifest = await offline.resolve(MODEL)
    assert manifest == online
    assert offline.local_folder(manifest) == cached
    assert (hub.listed, hub.served) == ([], [])


async def test_a_cache_that_was_cut_short_is_not_taken_for_the_model(
    cached: Path, context: SourceContext, tmp_path: Path
) -> None:
    source = HuggingFaceSource(context)
    manifest = await source.resolve(MODEL)
    blob = (cached / "model-1.safetensors").resolve()
    blob.write_bytes(blob.read_bytes()[:-10])
    assert source.local_folder(manifest) is None
    await fetch_all(source, manifest, tmp_path / "into")
    assert broken_files(tmp_path / "into", manifest.files) == []


async def test_other_models_of_the_cache_are_not_offered(cached: Path, context: SourceContext) -> None:
    source = HuggingFaceSource(context)
    assert list(await source.catalogue()) == [MODEL]
    (cached / "config.json").resolve().write_text(json.dumps({"architectures": ["SomethingElse"]}))
    assert list(await source.catalogue()) == []
