"""A whole cluster in one process: real nodes over a memory network, runners with the echo backend.

    async with memory_cluster(3, tmp_path) as cluster:
        alpha, beta, gamma = cluster.nodes
        cluster.network.partition(alpha.node_id, beta.node_id)

For plugin authors: `plugins` adds entry modules of yours to those of every node.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from exo_core.built_in import built_in_plugins
from exo_core.hookspecs import hookimpl
from exo_core.identifiers import ModelId, NodeId
from exo_core.identity.secret import ClusterSecret
from exo_core.node.node import Node
from exo_core.node.options import NodeOptions
from exo_core.node.running import running_node
from exo_core.node_handle import HttpOptions
from exo_core.plugins.manager import Plugins
from exo_core.registers import Register
from exo_core.testing import echo_plugin
from exo_core.testing.echo_model import EchoConfig, write_echo_model
from exo_core.testing.memory_network import MemoryNetwork
from exo_core.transports import TransportFactory

PATIENCE_S = 30.0


@final
class MemoryPlugin:
    """Offers the transport `memory` over one network."""

    def __init__(self, network: MemoryNetwork) -> None:
        self._network = network

    @hookimpl
    def exo_register_transports(self, register: Register[TransportFactory]) -> None:
        """Offer it."""
        register("memory", self._network.transport)


@dataclass(kw_only=True)
class MemoryCluster:
    """Nodes that know each other, and the network between them. `model` is an echo model that any of them can place."""

    network: MemoryNetwork
    model: ModelId
    nodes: list[Node] = field(default_factory=list[Node])
    running: dict[NodeId, AsyncExitStack] = field(default_factory=dict[NodeId, AsyncExitStack])

    async def stop(self, node: Node) -> None:
        """Stop a node as a person does with Ctrl-C."""
        await self.running.pop(node.node_id).aclose()

    async def until_all_meet(self) -> None:
        """Wait until every node has a master and knows the backends of all. Raises `TimeoutError`."""
        async with asyncio.timeout(PATIENCE_S):
            while not all(self._knows_all(node) for node in self.nodes):
                await asyncio.sleep(0.02)

    def _knows_all(self, node: Node) -> bool:
        members = node.state.members.values()
        return (
            node.master_id is not None
            and len(members) == len(self.nodes)
            and all(member.backends and not member.dead for member in members)
        )


@asynccontextmanager
async def memory_cluster(
    size: int,
    folder: Path,
    *,
    seed: int = 0,
    echo: EchoConfig | None = None,
    plugins: Mapping[str, object] | None = None,
    change: Callable[[NodeOptions], NodeOptions] = lambda options: options,
) -> AsyncGenerator[MemoryCluster]:
    """A cluster of `size` nodes that have met; their homes lie in `folder`. `echo` is what its model is like.

    `change` makes of what each node would be started with something else.
    """
    network, secret = MemoryNetwork(seed), ClusterSecret.generate().reveal().hex()
    model = write_echo_model(folder / "echo-model", echo or EchoConfig())
    cluster = MemoryCluster(network=network, model=ModelId(str(model)))
    modules = {**built_in_plugins(), "memory": MemoryPlugin(network), "echo": echo_plugin, **(plugins or {})}
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_stop_all, cluster)
        for number in range(size):
            options = NodeOptions(
                home=folder / f"node-{number}",
                name=f"node-{number}",
                transports=("memory",),
                backends=("echo",),
                listen="memory:0",
                secret=secret,
                peers=tuple(cluster.nodes[0].tickets) if cluster.nodes else (),
                discovery=False,
                http=HttpOptions(port=0),  # served only if a plugin serves it
            )
            running = AsyncExitStack()
            node = await running.enter_async_context(
                running_node(change(options), plugins=Plugins(built_in=modules, points=()))
            )
            cluster.nodes.append(node)
            cluster.running[node.node_id] = running
        await cluster.until_all_meet()
        yield cluster


async def _stop_all(cluster: MemoryCluster) -> None:
    """The last one first, as they started."""
    for node in reversed(cluster.nodes):
        if node.node_id in cluster.running:
            await cluster.stop(node)
