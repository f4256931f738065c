"""A row of a running node's log turns bad: it is set aside, fetched again from another node, and nothing is missing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from exo_core.documents.event import position_after
from exo_core.log.memory_log import MemoryLog
from exo_core.log.payloads import decode_event
from exo_core.log.sqlite_log import SqliteLog
from exo_core.log.sqlite_rebuilding import FILE_NAME
from exo_core.node_handle import AppliedEvent
from exo_core.state.events import ExtensionChanged
from exo_core.testing.control_planes import control_plane_node, until
from exo_core.testing.memory_network import MemoryNetwork


async def test_a_bad_row_is_found_by_a_reader_and_fetched_again(tmp_path: Path) -> None:
    network, logs = MemoryNetwork(), [SqliteLog(tmp_path)]

    def reopen() -> SqliteLog:
        logs[-1].close()
        logs.append(SqliteLog(tmp_path))
        return logs[-1]

    async with (
        control_plane_node(network, "a", MemoryLog(), creator=True) as a,
        control_plane_node(network, "b", logs[0], peers=[a.router], reopen=reopen) as b,
    ):
        for number in range(20):
            await a.control_plane.offer(ExtensionChanged(plugin="test", key=str(number), value=number))
        await until(b.control_plane, lambda plane: len(plane.state.extensions.get("test", {})) == 20)
        await until(b.control_plane, lambda plane: all(member.backends for member in plane.state.members.values()))
        length = b.control_plane.log_view.length
        with closing(sqlite3.connect(tmp_path / FILE_NAME)) as stranger, stranger:
            stranger.execute("UPDATE entries SET crc = crc + 1 WHERE number = 5")
        heard: list[int] = []
        async for item in b.control_plane.events(0):
            heard.extend([item.index] if isinstance(item, AppliedEvent) else [])
            if position_after(item) == length:
                break
        assert sorted(set(heard)) == list(range(1, length + 1))
        await until(b.control_plane, lambda plane: plane.log_view.hash == a.control_plane.log_view.hash)
        await until(b.control_plane, lambda plane: plane.trouble is None)
        assert len(b.control_plane.state.extensions["test"]) == 20
        assert a.control_plane.state == b.control_plane.state
    assert len(logs) == 2
    logs[-1].close()
    assert SqliteLog(tmp_path).damage is None


async def test_a_node_that_is_alone_goes_on_with_what_can_be_read(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path)
    async with control_plane_node(MemoryNetwork(), "a", log, creator=True) as a:
        for number in range(20):
            await a.control_plane.offer(ExtensionChanged(plugin="test", key=str(number), value=number))
        places = {number: index for index, number in _facts(log)}
    log.close()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as stranger, stranger:
        stranger.execute("UPDATE entries SET crc = crc + 1 WHERE number = ?", (places["7"],))
    log = SqliteLog(tmp_path)
    assert log.damage is not None
    async with control_plane_node(MemoryNetwork(), "a", log, creator=True, boot=2) as a:
        await a.control_plane.offer(ExtensionChanged(plugin="test", key="new", value=1))
        known = set(a.control_plane.state.extensions["test"])
        assert known == {*map(str, range(20)), "new"} - {"7"}, "only the bad row is lost"
        assert a.control_plane.trouble is None
    log.close()


def _facts(log: SqliteLog) -> list[tuple[int, str]]:
    """Index and key of each of the test's facts."""
    events = [(index, decode_event(entry.payload)) for index, entry in enumerate(log.read(0, 1000), start=1)]
    return [(index, event.key) for index, event in events if isinstance(event, ExtensionChanged)]
