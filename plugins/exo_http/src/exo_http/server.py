"""uvicorn as a guest in the node's event loop: no signal handlers, no logging set-up of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Generator, Sequence
from typing import final

import uvicorn

from exo_http.application import Application
from exo_http.timed_connection import TimedConnection


@final
class GuestServer(uvicorn.Server):
    """Signals belong to the node. `listening` is set once connections are taken; `stop` ends it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Take no more connections and end."""
        self.should_exit = True
        self._stopping.set()

    async def main_loop(self) -> None:
        """Wake once a second, for the date in the answers, instead of ten times."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._stopping.wait()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Take connections, and say so."""
        await super().startup(sockets=sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave them alone."""
        yield


@contextlib.asynccontextmanager
async def serving(application: Application, sockets: Sequence[socket.socket]) -> AsyncGenerator[None]:
    """Serve on these sockets (closed at the end) until left; then running answers get a moment and are cut."""
    server = GuestServer(_config(application))
    task = asyncio.create_task(server.serve(sockets=list(sockets)))
    task.add_done_callback(lambda _: server.listening.set())  # a server that failed is not waited for
    try:
        await server.listening.wait()
        yield
    finally:
        server.stop()
        await asyncio.wait((task,))
        await _ended(server)
        task.result()


def _config(application: Application) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http=TimedConnection,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="critical",  # the guards log what matters, and uvicorn's tracebacks may quote prompts
        access_log=False,
        server_header=False,
        proxy_headers=False,  # whoever reaches loopback could claim any address
        h11_max_incomplete_event_size=application.limits.unparsed_bytes,
        timeout_graceful_shutdown=application.limits.stop_seconds,
    )


async def _ended(server: uvicorn.Server) -> None:
    """Requests that uvicorn cancelled still have to close what they hold."""
    if server.server_state.tasks:
        await asyncio.wait(server.server_state.tasks, timeout=1)
