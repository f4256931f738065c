"""How a command finds the node of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TypeVar

from exo_core.control_socket.client import SocketOperations, node_is_running
from exo_core.control_socket.operations import Operations
from exo_core.errors import UserError
from exo_core.node.home import Home

ResultT = TypeVar("ResultT")


async def running_node(home: Path) -> SocketOperations | None:
    """The node that runs with this home, or None."""
    path = Home(home).socket
    return SocketOperations(path) if await node_is_running(path) else None


def with_node(home: Path, work: Callable[[Operations], Coroutine[None, None, ResultT]]) -> ResultT:
    """Do something with the running node. Raises `UserError` when none runs."""

    async def go() -> ResultT:
        operations = await running_node(home)
        if operations is None:
            message = f"no node runs with the home {home}. Start one: exo run"
            raise UserError(message)
        return await work(operations)

    return asyncio.run(go())
