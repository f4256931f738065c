"""What goes wrong on the way: members that die, lie, stall or change; cuts at every step; a damaged part."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing
from pathlib import Path

import pytest

from exo_core.errors import ModelError
from exo_core.identifiers import NodeId
from exo_core.manifests import Manifest
from exo_core.model_files.partial_file import PartialFile
from exo_core.model_files.safetensors_headers import read_header
from exo_core.model_sharing.peers_source import AT_ONCE
from exo_core.sources import Part
from exo_core.testing.model_members import Members
from exo_core.testing.recorded_reads import PIECE, Recorded, by_pieces, fetch
from exo_core.testing.source_conformance import broken_files, parts_of

BETA = NodeId("beta")


def lose(cluster: Members, name: str) -> None:
    """Its link dies, and no other can be made."""
    cluster.network.partition(NodeId(name), BETA)
    cluster.network.drop(NodeId(name), BETA)


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
