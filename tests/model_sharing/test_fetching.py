"""What goes wrong on the way: members that die, lie, stall or change; cuts at every step; a full disk."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from exo_core.errors import ModelError
from exo_core.identifiers import ModelId, NodeId
from exo_core.manifests import Manifest
from exo_core.model_fetching.piecewise_fetch import PiecewiseFetch
from exo_core.model_files.partial_file import PartialFile
from exo_core.model_files.safetensors_headers import read_header
from exo_core.model_sharing.members_reader import MembersReader
from exo_core.model_sharing.peers_source import AT_ONCE
from exo_core.sources import FetchProgress, Holder, MembersFiles, Part
from exo_core.testing.model_members import Members, members, write_model_folder
from exo_core.testing.source_conformance import broken_files, parts_of

BETA = NodeId("beta")
PIECE = 100_000


@pytest.fixture
async def cluster() -> AsyncIterator[Members]:
    async with members("alpha", "gamma", silence=0.3) as running:
        yield running


@pytest.fixture
async def manifest(cluster: Members, tmp_path: Path) -> Manifest:
    return await cluster.put(write_model_folder(tmp_path / "a model"))


class Read(NamedTuple):
    """One piece that was asked for."""

    holder: str
    path: str
    start: int
    end: int


class Recorded:
    """`MembersFiles` that remembers what was asked of whom, and can fail once."""

    def __init__(self, inner: MembersFiles) -> None:
        self.inner = inner
        self.reads: list[Read] = []
        self.cut_after: int | None = None
        """Bytes that come before one read fails, once."""

    def catalogued(self, model_id: ModelId) -> Manifest | None:
        return self.inner.catalogued(model_id)

    async def holders(self, manifest: Manifest) -> Sequence[Holder]:
        return await self.inner.holders(manifest)

    async def read(self, holder: Holder, manifest: Manifest, path: str, start: int, end: int) -> AsyncGenerator[bytes]:
        self.reads.append(Read(holder.node_id, path, start, end))
        async with aclosing(self.inner.read(holder, manifest, path, start, end)) as blocks:
            async for block in blocks:
                if self.cut_after is not None:
                    self.cut_after -= len(block)
                    if self.cut_after < 0:
                        self.cut_after = None
                        message = "cut"
                        raise ModelError(message)
                yield block


def by_pieces(files: MembersFiles, manifest: Manifest, into: Path) -> PiecewiseFetch:
    """As the source `peers` fetches, by smaller pieces."""
    return PiecewiseFetch(MembersReader(files, manifest), manifest, into, largest_piece=PIECE, at_once=AT_ONCE)


async def fetch(
    files: MembersFiles,
    manifest: Manifest,
    into: Path,
    parts: Sequence[Part] | None = None,
    *,
    at: tuple[int, Callable[[], None]] | None = None,
) -> list[FetchProgress]:
    """Bring parts (all). `at`: after so many bytes do this, once."""
    run = by_pieces(files, manifest, into).run(parts or parts_of(manifest))
    taken = list[FetchProgress]()
    async with aclosing(run) as steps:
        async for step in steps:
            taken.append(step)
            if at is not None and step.done > at[0]:
                at[1]()
                at = None
    return taken


def lose(cluster: Members, name: str) -> None:
    """Its link dies, and no other can be made."""
    cluster.network.partition(NodeId(name), BETA)
    cluster.network.drop(NodeId(name), BETA)


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


async def test_a_fetch_that_is_stopped_at_any_step_is_taken_up(
    cluster: Members, manifest: Manifest, tmp_path: Path
) -> None:
    """Each attempt is stopped one step later than the one before; whole pieces never come again."""
    into, recorded, patience, kept = tmp_path / "into", Recorded(cluster.asking), 0, 0
    while broken_files(into, manifest.files):
        patience += 1
        run = by_pieces(recorded, manifest, into).run(parts_of(manifest))
        async with aclosing(run) as steps:
            first = await anext(steps)
            assert first.done >= kept, "what was there is still there"
            kept = first.done
            for _ in range(patience):
                if await anext(steps, None) is None:
                    break
    assert patience > 3
    for file in manifest.files:
        assert (into / file.path).read_bytes() == (tmp_path / "a model" / file.path).read_bytes()


async def test_a_fetch_that_is_cancelled_twice_ends_only_when_nothing_is_written_any_more(
    cluster: Members, manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, go_on, written, put = threading.Event(), threading.Event(), list[int](), PartialFile.put

    def slowly(file: PartialFile, start: int, content: bytes) -> None:
        writing.set()
        assert go_on.wait(10)
        put(file, start, content)
        written.append(len(content))

    monkeypatch.setattr(PartialFile, "put", slowly)
    fetching = asyncio.create_task(fetch(cluster.asking, manifest, tmp_path / "into", [Part(path="config.json")]))
    assert await asyncio.to_thread(writing.wait, 10)
    for _ in range(3):
        fetching.cancel()
        await asyncio.wait([fetching], timeout=0.05)
        assert not fetching.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    assert written == [(tmp_path / "into" / "config.json").stat().st_size]


async def test_a_member_that_is_lost_within_a_piece_is_left_for_the_next(
    cluster: Members, manifest: Manifest, tmp_path: Path
) -> None:
    recorded = Recorded(cluster.asking)
    await fetch(
        recorded,
        manifest,
        tmp_path / "into",
        at=(500_000, lambda: lose(cluster, recorded.reads[-1].holder)),
    )
    assert {read.holder for read in recorded.reads} == {"alpha", "gamma"}
    assert broken_files(tmp_path / "into", manifest.files) == []


async def test_a_member_that_falls_silent_is_left_for_the_next(
    cluster: Members, manifest: Manifest, tmp_path: Path
) -> None:
    recorded = Recorded(cluster.asking)
    await fetch(
        recorded,
        manifest,
        tmp_path / "into",
        at=(500_000, lambda: cluster.network.partition(NodeId(recorded.reads[-1].holder), BETA)),
    )
    assert {read.holder for read in recorded.reads} == {"alpha", "gamma"}
    assert broken_files(tmp_path / "into", manifest.files) == []


async def test_when_all_are_lost_every_reason_is_told_and_what_came_is_kept(
    cluster: Members, manifest: Manifest, tmp_path: Path
) -> None:
    def kill_all() -> None:
        for name in cluster.holders:
            lose(cluster, name)

    with pytest.raises(ModelError, match=r"alpha's machine .*gamma's machine|gamma's machine .*alpha's machine"):
        await fetch(cluster.asking, manifest, tmp_path / "into", at=(500_000, kill_all))
    again = by_pieces(cluster.asking, manifest, tmp_path / "into").run(parts_of(manifest))
    async with aclosing(again) as steps:
        assert (await anext(steps)).done >= 500_000 - AT_ONCE * PIECE


async def test_a_folder_that_changed_is_not_read_any_more(cluster: Members, manifest: Manifest, tmp_path: Path) -> None:
    changed = tmp_path / "a model" / "model-2.safetensors"

    def change() -> None:
        changed.write_bytes(bytes(changed.stat().st_size))

    with pytest.raises(ModelError, match="does not lie there complete any more, or has changed"):
        await fetch(cluster.asking, manifest, tmp_path / "into", at=(500_000, change))
    assert await cluster.asking.holders(manifest) == []


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


async def test_bytes_that_a_part_lacks_are_refused(cluster: Members, manifest: Manifest, tmp_path: Path) -> None:
    path = "model-1.safetensors"
    (holder, *_) = await cluster.asking.holders(manifest)
    await fetch(cluster.asking, manifest, tmp_path / "part", [Part(path="config.json"), Part(path=path, tensors=())])
    for shelf in cluster.holders.values():
        shelf.put_part(manifest, tmp_path / "part")
    with pytest.raises(ModelError, match="is not all there"):
        async with aclosing(cluster.asking.read(holder, manifest, path, 0, 500_000)) as blocks:
            await anext(blocks)


async def test_a_part_that_was_damaged_on_the_disk_is_not_passed_on(
    cluster: Members, manifest: Manifest, tmp_path: Path
) -> None:
    """Alpha's part has one wrong bit; gamma's is sound, and is what comes."""
    path, parts = "model-1.safetensors", [Part(path="model-1.safetensors", tensors=("layers.1.1",))]
    for name in ("alpha", "gamma"):
        await fetch(cluster.asking, manifest, tmp_path / name, [Part(path="config.json"), *parts])
    for name, shelf in cluster.holders.items():
        shelf.models.clear()
        shelf.put_part(manifest, tmp_path / name)
    header, sound = read_header(tmp_path / "a model" / path), (tmp_path / "gamma" / path).read_bytes()
    start, end = header.range_of("layers.1.1")
    with (tmp_path / "alpha" / path).open("r+b") as file:
        file.seek(end - 1)
        file.write(bytes([sound[end - 1] ^ 1]))
    (alpha,) = [holder for holder in await cluster.asking.holders(manifest) if holder.node_id == "alpha"]
    with pytest.raises(ModelError, match=r"alpha's machine does not send .* was damaged on the disk there"):
        async with aclosing(cluster.asking.read(alpha, manifest, path, end - 2, end - 1)) as blocks:
            await anext(blocks)
    await fetch(cluster.asking, manifest, tmp_path / "into", parts)
    assert (tmp_path / "into" / path).read_bytes()[start:end] == sound[start:end]


async def test_a_piece_that_fails_halfway_comes_whole_from_the_next(
    cluster: Members, manifest: Manifest, tmp_path: Path
) -> None:
    recorded = Recorded(cluster.asking)
    recorded.cut_after = 1_500_000
    await fetch(recorded, manifest, tmp_path / "into")
    assert recorded.cut_after is None
    assert {read.holder for read in recorded.reads} == {"alpha", "gamma"}
    for file in manifest.files:
        assert (tmp_path / "into" / file.path).read_bytes() == (tmp_path / "a model" / file.path).read_bytes()


async def test_a_file_with_another_hash_than_the_manifests_is_not_kept(
    cluster: Members, manifest: Manifest, tmp_path: Path
) -> None:
    files = [file.model_copy(update={"sha256": "0" * 64}) for file in manifest.files if file.path == "tokenizer.json"]
    with pytest.raises(ModelError, match="another hash than its manifest says"):
        await fetch(cluster.asking, manifest.model_copy(update={"files": tuple(files)}), tmp_path / "into")
    assert not (tmp_path / "into" / "tokenizer.json").exists()


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
