"""A master that leaves hands over first: its leaving is on the disks of those who stay before anybody hears of it."""

from __future__ import annotations

from typing import Literal

import pytest

from exo_core.identifiers import CommandId, NodeId
from exo_core.log.memory_log import MemoryLog
from exo_core.state.commands import CommandAccepted, CommandRefused
from exo_core.testing.control_planes import control_plane_node, until
from exo_core.testing.memory_network import MemoryNetwork

Consistency = Literal["availability", "majority"]


@pytest.mark.parametrize("consistency", ["availability", "majority"])
async def test_the_master_of_two_leaves(consistency: Consistency) -> None:
    network, kept = MemoryNetwork(1), MemoryLog()
    async with control_plane_node(network, "a", MemoryLog(), creator=True, consistency=consistency) as a:
        await until(a.control_plane, lambda plane: plane.master_id == "a")
        async with control_plane_node(network, "b", kept, peers=[a.router], boot=2) as b:
            await until(b.control_plane, lambda plane: {"a", "b"} <= plane.state.members.keys())
            answer = await a.control_plane.leave(CommandId("c"))
            assert isinstance(answer, CommandAccepted)
            assert kept.length >= answer.index, "who stays has it"
            await until(b.control_plane, lambda plane: plane.master_id == "b", timeout=30)
            assert list(b.control_plane.state.members) == ["b"]
            assert b.control_plane.state.left == {NodeId("a"): False}


async def test_the_only_one_does_not_leave() -> None:
    async with control_plane_node(MemoryNetwork(1), "a", MemoryLog(), creator=True) as a:
        await until(a.control_plane, lambda plane: plane.master_id == "a")
        answer = await a.control_plane.leave(CommandId("c"))
        assert isinstance(answer, CommandRefused)
        assert "nothing to leave" in answer.message
