"""`GET /health`: the node serves. The one route that needs no key."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Scope

from exo_core.node_handle import NodeHandle
from exo_http.operation import ApiRoute, Operation

PATH = "/health"


class Health(BaseModel):
    """Who answers."""

    status: Literal["ok"]
    node_id: str
    version: str


def health_route(node: NodeHandle) -> ApiRoute:
    """Who answers, and in which version."""

    async def health(request: Request) -> JSONResponse:
        del request
        return JSONResponse({"status": "ok", "node_id": node.node_id, "version": node.version})

    return ApiRoute(PATH, health, operation=Operation(summary="Whether the node serves", answer=Health), scope="infer")


def is_health(scope: Scope) -> bool:
    """Whether a request is for it, so that the guards that ask who is there let it pass."""
    return scope["path"] == PATH and scope["method"] in {"GET", "HEAD"}
