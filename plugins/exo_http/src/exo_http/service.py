"""The front door as a service of the node."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import AsyncGenerator, Generator, Iterable, Sequence
from typing import final

from starlette.routing import BaseRoute

from exo_core.node.open_files import open_descriptors
from exo_core.node_handle import NodeHandle
from exo_http.application import Application
from exo_http.door import Door
from exo_http.entrances import open_entrances
from exo_http.health import health_route
from exo_http.key_ring import KeyRing
from exo_http.keys import PLUGIN, key_records
from exo_http.limits import Limits, limits_for
from exo_http.listening import is_reachable, open_sockets
from exo_http.openapi import openapi_route
from exo_http.plugin_routes import plugin_routes
from exo_http.server import serving

logger = logging.getLogger(__name__)


@final
class HttpService:
    """Serves while its node runs, if the node was asked for HTTP at all. One object serves one node."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits
        self._url: str | None = None

    @property
    def name(self) -> str:
        """For people, in logs."""
        return "http"

    @property
    def url(self) -> str | None:
        """Where it serves (the port that was drawn, when 0 was asked for), or None while it does not."""
        return self._url

    @contextlib.asynccontextmanager
    async def running(self, node: NodeHandle) -> AsyncGenerator[None]:
        """Serve until left. Raises `UserError` when it may not or cannot listen."""
        if not node.http.enabled:
            yield
            return
        has_keys = bool(key_records(node.state.extensions.get(PLUGIN, {})))
        sockets = open_sockets(node.http, has_keys=has_keys)
        try:
            self._url = _url(*sockets[0].getsockname()[:2])
            limits = self._limits or limits_for(node.http.max_requests, open_descriptors())
            keys = KeyRing(node, is_reachable=_others_reach(sockets))
            application = Application(_routes(node), node.http, limits, keys)
            with _observing(node, application.uses):
                async with serving(application, sockets), open_entrances(Door(node, application, keys)):
                    logger.info("serving at %s", self._url)
                    yield
        finally:
            self._url = None
            for listening in sockets:
                listening.close()


def _routes(node: NodeHandle) -> Sequence[BaseRoute]:
    routes = [health_route(node), *plugin_routes(node)]
    return [*routes, openapi_route(routes, node.version)]


@contextlib.contextmanager
def _observing(node: NodeHandle, observer: object) -> Generator[None]:
    node.plugins.manager.register(observer)
    try:
        yield
    finally:
        node.plugins.manager.unregister(observer)


def _others_reach(sockets: Iterable[socket.socket]) -> bool:
    return is_reachable(listening.getsockname()[0] for listening in sockets)


def _url(address: str, port: int) -> str:
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"
