"""The real server in front of a scripted node."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from types import ModuleType

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from exo_core import hookimpl
from exo_core.node_handle import HttpOptions, NodeHandle
from exo_core.plugins.manager import Plugins
from exo_http import plugin as http_plugin
from exo_http.event_stream import EventStream
from exo_http.limits import Limits
from exo_http.testing.scripted_node import ScriptedNode
from exo_http.testing.serving import serving_at


async def echo(request: Request) -> Response:
    """The body's length: whoever gets here passed every guard."""
    return JSONResponse({"bytes": len(await request.body())})


async def much(request: Request) -> Response:
    """More than fits into any buffer between here and a client."""
    del request
    return Response(bytes(40_000_000))


async def broken(request: Request) -> Response:
    """Fails with a message that must not get out."""
    message = f"the secret prompt was {await request.body()!r}"
    raise RuntimeError(message)


async def until_first_event(node: NodeHandle) -> AsyncGenerator[bytes]:
    """Begins at once and ends when the log is not empty any more."""
    yield b": begun\n\n"
    await node.wait_for_index(1, 60)


def route_plugin() -> ModuleType:
    """A third party's plugin with routes."""

    @hookimpl(optionalhook=True)
    def exo_http_routes(node: NodeHandle) -> Sequence[BaseRoute]:
        async def held(request: Request) -> Response:
            del request
            return EventStream(until_first_event(node))

        return [
            Route("/held", held),
            Route("/echo", echo, methods=["GET", "POST", "DELETE"]),
            Route("/much", much),
            Route("/broken", broken, methods=["POST"]),
        ]

    module = ModuleType("route_plugin")
    vars(module)["exo_http_routes"] = exo_http_routes
    return module


@pytest.fixture
def plugins() -> Plugins:
    """The front door and one plugin that uses it."""
    return Plugins(built_in={"http": http_plugin, "routes": route_plugin()}, points=())


@pytest.fixture
def options(request: pytest.FixtureRequest) -> HttpOptions:
    """How the front door listens; parametrized by the tests that need other options."""
    given: HttpOptions | None = getattr(request, "param", None)
    return given or HttpOptions(port=0)


@pytest.fixture
def limits() -> Limits:
    """Small enough to be met in a test."""
    return Limits(
        body_bytes=100_000,
        header_bytes=8000,
        header_count=40,
        target_bytes=2000,
        unparsed_bytes=16_000,
        header_seconds=0.3,
        body_seconds=0.3,
        unread_seconds=0.3,
        stop_seconds=1,
    )


@pytest.fixture
def node(plugins: Plugins, options: HttpOptions) -> ScriptedNode:
    """The node behind the door."""
    return ScriptedNode(http=options, plugins=plugins)


@pytest.fixture
async def url(node: ScriptedNode, limits: Limits) -> AsyncGenerator[str]:
    """Where it serves."""
    async with serving_at(node, limits) as address:
        yield address


@pytest.fixture
async def client(url: str) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of it."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=10) as opened:
        yield opened
