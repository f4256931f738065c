"""Which bytes of a model come from which member: only those that are asked for, and none twice."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from exo_core.errors import ModelError
from exo_core.manifests import Manifest
from exo_core.model_files.safetensors_headers import read_header
from exo_core.sources import Part
from exo_core.testing.model_members import Members
from exo_core.testing.recorded_reads import Recorded, fetch
from exo_core.testing.source_conformance import broken_files


async def test_only_the_tensors_asked_for_travel(cluster: Members, manifest: Manifest, tmp_path: Path) -> None:
    recorded, into, path = Recorded(cluster.asking), tmp_path / "into", "model-2.safetensors"
    names = ("layers.2.1", "layers.2.3")
    steps = await fetch(recorded, manifest, into, [Part(path=path, tensors=names)])
    original, header = (tmp_path / "a model" / path).read_bytes(), read_header(into / path)
    assert header == read_header(tmp_path / "a model" / path).model_copy(update={"path": into / path})
    for name in names:
        start, end = header.range_of(name)
        assert (into / path).read_bytes()[start:end] == original[start:end]
    asked = sum(read.end - read.start for read in recorded.reads)
    assert asked == header.data_start + 2 * 300_000 == steps[-1].total == steps[-1].done


async def test_reading_a_file_again_for_its_hash_is_told(cluster: Members, manifest: Manifest, tmp_path: Path) -> None:
    steps = await fetch(cluster.asking, manifest, tmp_path / "into")
    assert steps[-1].checked == sum(file.size for file in manifest.files if file.sha256 is not None) > 0
    assert all(earlier.checked <= later.checked for earlier, later in pairwise(steps))


async def test_more_tensors_are_added_later_and_none_comes_twice(
    cluster: Members, manifest: Manifest, tmp_path: Path
) -> None:
    recorded, into, path = Recorded(cluster.asking), tmp_path / "into", "model-1.safetensors"
    await fetch(recorded, manifest, into, [Part(path=path, tensors=("layers.1.1",))])
    await fetch(recorded, manifest, into, [Part(path=path, tensors=("layers.1.1", "layers.1.2"))])
    assert broken_files(into, [file for file in manifest.files if file.path == path]) == []
    assert len(list(into.iterdir())) == 2, "the journal says what is missing"
    await fetch(recorded, manifest, into)
    assert [path.name for path in sorted(into.iterdir())] == sorted(file.path for file in manifest.files)
    ranges = sorted((read.path, read.start, read.end) for read in recorded.reads)
    assert sum(end - start for _, start, end in ranges) == sum(file.size for file in manifest.files)
    for file in manifest.files:
        assert (into / file.path).read_bytes() == (tmp_path / "a model" / file.path).read_bytes()


async def test_members_that_have_parts_give_what_they_have(
    cluster: Members, manifest: Manifest, tmp_path: Path
) -> None:
    """Alpha's and gamma's parts overlap; a tensor that neither has is left to the next source."""
    path, original = "model-1.safetensors", tmp_path / "a model"
    for name, numbers in (("alpha", (0, 1)), ("gamma", (1, 3))):
        tensors = tuple(f"layers.1.{number}" for number in numbers)
        await fetch(
            cluster.asking, manifest, tmp_path / name, [Part(path="config.json"), Part(path=path, tensors=tensors)]
        )
    for name, shelf in cluster.holders.items():
        shelf.models.clear()
        shelf.put_part(manifest, tmp_path / name)
    recorded, into = Recorded(cluster.asking), tmp_path / "into"
    with pytest.raises(ModelError, match=r"0\.3 MB of .* are not there; what was, is here now"):
        await fetch(recorded, manifest, into, [Part(path=path)])
    header = read_header(original / path)
    assert {read.holder for read in recorded.reads} == {"alpha", "gamma"}
    assert sum(read.end - read.start for read in recorded.reads) == header.data_start + 3 * 300_000
    for number in (0, 1, 3):
        start, end = header.range_of(f"layers.1.{number}")
        assert (into / path).read_bytes()[start:end] == (original / path).read_bytes()[start:end]
    steps = await fetch(recorded, manifest, into, [Part(path=path, tensors=("layers.1.0", "layers.1.3"))])
    assert steps[0].done == steps[0].total, "what came is not asked for again"


async def test_a_disk_without_room_is_told_before_anything_comes(
    cluster: Members, manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)

    def nearly_full(path: Path) -> object:
        del path
        return usage._replace(free=65 * 1024 * 1024)

    monkeypatch.setattr(shutil, "disk_usage", nearly_full)
    recorded = Recorded(cluster.asking)
    with pytest.raises(ModelError, match=r"needs 0\.00 GB more on the disk of .*Free some space"):
        await fetch(recorded, manifest, tmp_path / "into")
    assert recorded.reads == []
