"""A plugin for tests of real nodes: `GET /testing/inside` tells what the process holds at the moment."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from exo_core import hookimpl

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from exo_core.node_handle import NodeHandle

PATH = "/testing/inside"


@hookimpl(optionalhook=True)
def exo_http_routes(node: NodeHandle) -> Sequence[BaseRoute]:
    """The route: how many tasks of each kind there are."""
    del node
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def inside(request: Request) -> Response:
        del request
        return JSONResponse(Counter(map(_kind, asyncio.all_tasks())))

    return [Route(PATH, inside)]


def _kind(task: asyncio.Task[Any]) -> str:
    return getattr(task.get_coro(), "__qualname__", "?")
