"""The process of `exo rendezvous`."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import final

import click
import uvicorn
from starlette.routing import BaseRoute

from exo_core.errors import UserError
from exo_core.node.open_files import allow_many_open_files, open_descriptors
from exo_rendezvous.application import make_application
from exo_rendezvous.rooms import Rooms, limits_within
from exo_rendezvous.visits import Visit, Visits

STOP_SECONDS = 2
PING_SECONDS = 20.0


@final
class RendezvousServer(uvicorn.Server):
    """uvicorn, but for who has no seat yet: also the hands of TLS are shaken within seconds, not within a minute."""

    def __init__(
        self,
        rooms: Rooms,
        pages: Sequence[BaseRoute] = (),
        *,
        certificate: Path | None = None,
        key: Path | None = None,
    ) -> None:
        super().__init__(_configuration(rooms, pages, certificate, key))
        self.visits = Visits(rooms.limits)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen on these sockets."""
        await self.lifespan.startup()
        seconds = self.visits.limits.visit_seconds if self.config.ssl else None
        make = partial(Visit, config=self.config, server_state=self.server_state, app_state={"visits": self.visits})
        self.servers: list[asyncio.Server] = [
            await asyncio.get_running_loop().create_server(
                make, sock=item, ssl=self.config.ssl, ssl_handshake_timeout=seconds, backlog=self.config.backlog
            )
            for item in sockets or []
        ]
        self.started = True


def _configuration(
    rooms: Rooms, pages: Sequence[BaseRoute], certificate: Path | None, key: Path | None
) -> uvicorn.Config:
    """No access log, since who came and when is nobody's business."""
    return uvicorn.Config(
        make_application(rooms, pages),
        ws="websockets-sansio",
        ws_max_size=rooms.limits.message_bytes + 1,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        ws_per_message_deflate=False,  # what is sealed does not get smaller
        access_log=False,
        log_config=None,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=STOP_SECONDS,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )


def serve(host: str, port: int, pages: Sequence[BaseRoute], *, certificate: Path | None, key: Path | None) -> None:
    """Serve until it is told to stop. Raises `UserError` when it cannot listen."""
    allow_many_open_files()
    server = RendezvousServer(Rooms(limits_within(open_descriptors())), pages, certificate=certificate, key=key)
    listening = _listening(host, port)
    scheme = "http" if certificate is None else "https"
    click.echo(
        f"nodes meet at {scheme}://{host}:{port}; on each: EXO_WEBRTC_RENDEZVOUS={scheme}://HOST:{port}", err=True
    )
    server.run([listening])


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.create_server(address[:2], family=family)
    except OSError as problem:
        message = f"cannot listen at {host}:{port}: {problem.strerror}. Choose another --host or --port"
        raise UserError(message) from problem
    # Connections inherit it; else a second message would wait until the client's system confirms the one before.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening
