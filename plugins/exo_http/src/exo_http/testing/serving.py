"""The real server on a free loopback port, in front of any node."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator

from exo_core.node_handle import NodeHandle
from exo_http.limits import Limits
from exo_http.service import HttpService


@contextlib.asynccontextmanager
async def serving_at(node: NodeHandle, limits: Limits | None = None) -> AsyncGenerator[str]:
    """The address (`http://127.0.0.1:PORT`) at which `node` serves while this is entered."""
    service = HttpService(limits)
    async with service.running(node):
        if service.url is None:
            message = "this node was asked to serve no HTTP"
            raise RuntimeError(message)
        yield service.url
