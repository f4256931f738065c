"""A plugin by which a node gives its cluster many commands, and says how long each took. See `flooding`.

It waits for `flood.json` in the node's home, `{"seconds": 10, "at_once": 1, "pause": 0}`; then there is `flooded.json`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from itertools import count

from exo_core.errors import NoMaster
from exo_core.hookspecs import hookimpl
from exo_core.identifiers import CommandId
from exo_core.node_handle import NodeHandle, Service
from exo_core.registers import Register
from exo_core.state.commands import ChangeExtension

KEYS = 100


@hookimpl
def exo_register_services(register: Register[Callable[[], Service]]) -> None:
    """Offer it."""
    register("command_flood", CommandFlood)


class CommandFlood:
    """A `Service`."""

    name = "command flood"

    @asynccontextmanager
    async def running(self, node: NodeHandle) -> AsyncGenerator[None]:
        """Wait for orders while the node runs."""
        waiting = asyncio.create_task(self._serve(node))
        try:
            yield
        finally:
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await waiting

    async def _serve(self, node: NodeHandle) -> None:
        orders, result = node.home / "flood.json", node.home / "flooded.json"
        while True:
            await asyncio.sleep(0.1)
            if orders.exists():
                order = json.loads(orders.read_text())
                orders.unlink()
                length, begun, times = node.log.length, time.monotonic(), list[float]()
                async with asyncio.TaskGroup() as tasks:
                    for number in range(order["at_once"]):
                        tasks.create_task(_flood(node, number, begun + order["seconds"], order["pause"], times))
                took = time.monotonic() - begun
                beside = result.with_suffix(".new")
                beside.write_text(json.dumps({"times": times, "took": took, "events": node.log.length - length}))
                beside.replace(result)


async def _flood(node: NodeHandle, number: int, until: float, pause: float, times: list[float]) -> None:
    for at in count():
        begun = time.monotonic()
        if begun >= until:
            return
        identity = CommandId(f"flood-{node.boot}-{begun}-{number}-{at}")
        key, value = f"{(number + at) % KEYS}", f"{number}.{at}"  # nobody else's: what is so already is no event
        with contextlib.suppress(NoMaster):  # what is given in such a moment is given again soon enough
            await node.submit(ChangeExtension(command_id=identity, plugin="flood", key=key, value=value))
            times.append(time.monotonic() - begun)
        await asyncio.sleep(pause)
