"""What a person is told before a loss is accepted, and that only what was told is accepted."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from exo_core.errors import UserError
from exo_core.log.sqlite_log import SqliteLog
from exo_core.log.sqlite_rebuilding import FILE_NAME
from exo_core.node.kept_consistency import KeptConsistency
from exo_core.node.loss import Loss
from exo_core.state.events import ExtensionChanged
from exo_core.testing.clusters import memory_cluster
from exo_core.testing.control_planes import TestNode, control_plane_node, until
from exo_core.testing.memory_network import MemoryNetwork
from exo_core.testing.memory_routers import eventually

FACTS = 20


@asynccontextmanager
async def pair(folder: Path, boot: int) -> AsyncGenerator[tuple[TestNode, TestNode]]:
    """Two nodes with logs on the disk."""
    network = MemoryNetwork()
    with closing(SqliteLog(folder / "a")) as log_a, closing(SqliteLog(folder / "b")) as log_b:
        async with (
            control_plane_node(network, "a", log_a, creator=True, boot=boot) as a,
            control_plane_node(network, "b", log_b, peers=[a.router], boot=boot) as b,
        ):
            yield a, b


def spoil(folder: Path, behind_end: int) -> None:
    """A row of the log turns bad."""
    with closing(sqlite3.connect(folder / FILE_NAME)) as database, database:
        database.execute(
            "UPDATE entries SET crc = crc + 1 WHERE number = (SELECT max(number) FROM entries) - ?", (behind_end,)
        )


def loss(node: TestNode) -> Loss:
    return Loss(node.control_plane, node.router, node.board.nodes)


@pytest.fixture
async def damaged(tmp_path: Path) -> AsyncGenerator[tuple[TestNode, TestNode]]:
    """Both logs are; that of `a` goes on further."""
    async with pair(tmp_path, boot=1) as (a, b):
        for number in range(FACTS):
            await a.control_plane.offer(ExtensionChanged(plugin="test", key=str(number), value=number))
        await until(b.control_plane, lambda plane: len(plane.state.extensions.get("test", {})) == FACTS)
    spoil(tmp_path / "a", 2)
    spoil(tmp_path / "b", 8)
    async with pair(tmp_path, boot=2) as (a, b):
        yield a, b


async def test_where_less_is_left_a_person_is_sent_to_the_machine_that_has_more(
    damaged: tuple[TestNode, TestNode],
) -> None:
    a, b = damaged
    await eventually(lambda: "a" in b.router.reachable and "a" in b.board.nodes)
    ours, theirs = b.control_plane.log_view.length, a.control_plane.log_view.length
    assert theirs > ours
    for confirmed in (None, b.control_plane.damage):
        with pytest.raises(UserError) as refused:
            await loss(b).accept(confirmed)
        assert f"a's machine goes on to entry {theirs}, this machine's to {ours}" in str(refused.value)
    assert b.control_plane.damage is not None


async def test_only_what_a_person_was_told_of_is_accepted(damaged: tuple[TestNode, TestNode]) -> None:
    a, b = damaged
    told = await loss(a).accept(None)
    assert told == a.control_plane.damage
    with pytest.raises(UserError, match="no more what was confirmed"):
        await loss(a).accept("an earlier damage")
    assert a.control_plane.damage == told, "asking changes nothing"
    await loss(a).accept(told)
    await until(b.control_plane, lambda plane: plane.master_id == "a" and plane.trouble is None)
    assert len(b.control_plane.state.extensions["test"]) == FACTS, "what is bad on one disk is read from the other"
    with pytest.raises(UserError, match="nothing of this machine's log is lost"):
        await loss(a).accept(told)


async def test_the_consistency_of_a_cluster_outlives_its_log(tmp_path: Path) -> None:
    async with memory_cluster(1, tmp_path) as cluster:
        (home,) = (tmp_path / "node-0" / "clusters").iterdir()
        (node,) = cluster.nodes
        assert node.state.created
        async for _ in node.changes():
            if KeptConsistency(home / "consistency").value is not None:
                break
    assert KeptConsistency(home / "consistency").value == "availability"
    assert KeptConsistency(home / "nothing").value is None
