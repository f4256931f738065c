"""The process of `exo rendezvous`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import uvicorn
from starlette.routing import BaseRoute

from exo_rendezvous.application import make_application
from exo_rendezvous.rooms import Limits, Rooms

STOP_SECONDS = 2
PING_SECONDS = 20.0


def configuration(
    rooms: Rooms,
    host: str,
    port: int,
    pages: Sequence[BaseRoute] = (),
    *,
    certificate: Path | None = None,
    key: Path | None = None,
) -> uvicorn.Config:
    """How it is served: no access log, since who came and when is nobody's business."""
    return uvicorn.Config(
        make_application(rooms, pages),
        host=host,
        port=port,
        ws="websockets-sansio",
        ws_max_size=rooms.limits.message_bytes + 1,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        ws_per_message_deflate=False,  # what is sealed does not get smaller
        access_log=False,
        log_config=None,
        server_header=False,
        lifespan="off",
        limit_concurrency=rooms.limits.rooms * 2,
        timeout_graceful_shutdown=STOP_SECONDS,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )


def serve(host: str, port: int, pages: Sequence[BaseRoute], *, certificate: Path | None, key: Path | None) -> None:
    """Serve until it is told to stop."""
    server = uvicorn.Server(configuration(Rooms(Limits()), host, port, pages, certificate=certificate, key=key))
    scheme = "http" if certificate is None else "https"
    click.echo(
        f"nodes meet at {scheme}://{host}:{port}; on each: EXO_WEBRTC_RENDEZVOUS={scheme}://HOST:{port}", err=True
    )
    server.run()
