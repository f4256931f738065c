"""A newcomer that knows only a follower still becomes a member, and meets everybody."""

from __future__ import annotations

import asyncio
from pathlib import Path

from exo_core.built_in import built_in_plugins
from exo_core.identity.secret import ClusterSecret
from exo_core.node.node import Node
from exo_core.node.options import NodeOptions
from exo_core.node.running import running_node
from exo_core.node_handle import HttpOptions
from exo_core.plugins.manager import Plugins
from exo_core.testing.clusters import MemoryPlugin
from exo_core.testing.memory_network import MemoryNetwork

PATIENCE_S = 20.0


async def until_alike(nodes: list[Node]) -> None:
    """Wait until all follow one master and each counts all as members that live."""
    async with asyncio.timeout(PATIENCE_S):
        for node in nodes:
            async for _ in node.changes():
                members = [member for member in node.state.members.values() if not member.dead]
                if node.master_id is not None and len(members) == len(nodes):
                    break
    assert len({node.master_id for node in nodes}) == 1


async def test_whoever_was_let_in_by_a_follower_becomes_a_member(tmp_path: Path) -> None:
    network, secret = MemoryNetwork(0), ClusterSecret.generate().reveal().hex()
    plugins = {**built_in_plugins(), "memory": MemoryPlugin(network)}

    def options(name: str, *peers: Node) -> NodeOptions:
        return NodeOptions(
            home=tmp_path / name,
            name=name,
            transports=("memory",),
            listen="memory:0",
            secret=secret,
            peers=tuple(ticket for peer in peers for ticket in peer.tickets),
            worker=False,
            discovery=False,
            http=HttpOptions(enabled=False),
        )

    def start(name: str, *peers: Node):
        return running_node(options(name, *peers), plugins=Plugins(built_in=plugins, points=()))

    async with start("alpha") as alpha, start("beta", alpha) as beta:
        await until_alike([alpha, beta])
        follower = beta if alpha.master_id == alpha.node_id else alpha
        async with start("gamma", follower) as gamma:
            await until_alike([alpha, beta, gamma])
            assert all(gamma.node_id in node.state.members for node in (alpha, beta))
