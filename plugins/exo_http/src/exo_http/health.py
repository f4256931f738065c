"""`GET /health`: the node serves. The one route that needs no key."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Scope

from exo_core.node_handle import NodeHandle

PATH = "/health"


def health_route(node: NodeHandle) -> Route:
    """Who answers, and in which version."""

    async def health(request: Request) -> JSONResponse:
        del request
        return JSONResponse({"status": "ok", "node_id": node.node_id, "version": node.version})

    return Route(PATH, health)


def is_health(scope: Scope) -> bool:
    """Whether a request is for it, so that the guards that ask who is there let it pass."""
    return scope["path"] == PATH and scope["method"] in {"GET", "HEAD"}
