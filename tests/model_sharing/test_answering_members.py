"""What a member gives when it is asked, and what it refuses."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from exo_core.errors import ModelError
from exo_core.manifests import Manifest
from exo_core.sources import Part
from exo_core.testing.model_members import Members, members, write_model_folder
from exo_core.testing.recorded_reads import fetch
from exo_core.testing.source_conformance import broken_files


async def test_bytes_that_a_part_lacks_are_refused(cluster: Members, manifest: Manifest, tmp_path: Path) -> None:
    path = "model-1.safetensors"
    (holder, *_) = await cluster.asking.holders(manifest)
    await fetch(cluster.asking, manifest, tmp_path / "part", [Part(path="config.json"), Part(path=path, tensors=())])
    for shelf in cluster.holders.values():
        shelf.put_part(manifest, tmp_path / "part")
    with pytest.raises(ModelError, match="is not all there"):
        async with aclosing(cluster.asking.read(holder, manifest, path, 0, 500_000)) as blocks:
            await anext(blocks)


@pytest.mark.parametrize("path", ["../outside.json", "/etc/hostname.json", "model-3.safetensors", ""])
async def test_files_outside_the_manifest_are_asked_for_in_vain(
    path: str, cluster: Members, manifest: Manifest, tmp_path: Path
) -> None:
    (tmp_path / "outside.json").write_text("{}")
    (holder, *_) = await cluster.asking.holders(manifest)
    with pytest.raises(ModelError, match="is no file of"):
        async with aclosing(cluster.asking.read(holder, manifest, path, 0, 2)) as blocks:
            await anext(blocks)


@pytest.mark.parametrize("path", ["../outside.json", "secret.key"])
async def test_a_manifest_that_names_other_files_opens_none_of_them(
    path: str, cluster: Members, manifest: Manifest, tmp_path: Path
) -> None:
    (tmp_path / "outside.json").write_text("{}")
    (tmp_path / "a model" / "secret.key").write_text("{}")
    forged = manifest.model_copy(update={"files": (manifest.files[0].model_copy(update={"path": path, "size": 2}),)})
    for shelf in cluster.holders.values():
        shelf.models[manifest.model_id] = forged
    (holder, *_) = await cluster.asking.holders(forged)
    with pytest.raises(ModelError, match="is no file of"):
        async with aclosing(cluster.asking.read(holder, forged, path, 0, 2)) as blocks:
            await anext(blocks)


@pytest.mark.parametrize(("start", "end"), [(0, 0), (5, 4), (0, 10**12), (0, 17 * 1024 * 1024)])
async def test_ranges_that_make_no_sense_are_refused(
    start: int, end: int, cluster: Members, manifest: Manifest
) -> None:
    (holder, *_) = await cluster.asking.holders(manifest)
    with pytest.raises(ModelError, match="were asked for"):
        async with aclosing(cluster.asking.read(holder, manifest, "config.json", start, end)) as blocks:
            await anext(blocks)


async def test_a_reader_that_stops_reading_does_not_keep_others_waiting(tmp_path: Path) -> None:
    async with members("alpha", silence=10, patience=0.2) as cluster:
        manifest = await cluster.put(write_model_folder(tmp_path / "a model", tensors=1, size=4_000_000))
        (holder,) = await cluster.asking.holders(manifest)
        lazy = [cluster.asking.read(holder, manifest, "model-1.safetensors", 0, 4_000_000) for _ in range(8)]
        await asyncio.gather(*(anext(blocks) for blocks in lazy))
        await fetch(cluster.asking, manifest, tmp_path / "into")
        for blocks in lazy:
            await blocks.aclose()
        assert broken_files(tmp_path / "into", manifest.files) == []
        for file in manifest.files:
            assert (tmp_path / "into" / file.path).read_bytes() == (tmp_path / "a model" / file.path).read_bytes()
