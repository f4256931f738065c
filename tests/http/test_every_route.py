"""No route of any of our plugins is left without guards."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from starlette.routing import BaseRoute, Route

import exo_api_cluster.plugin
import exo_api_openai.plugin
import exo_http.plugin
import exo_metrics.plugin
from exo_core.node_handle import HttpOptions
from exo_core.plugins.manager import Plugins
from exo_http.health import health_route
from exo_http.plugin_routes import plugin_routes
from exo_http.testing.scripted_node import ScriptedNode

KEY = "key"


@pytest.fixture
def options() -> HttpOptions:
    """With a key."""
    return HttpOptions(port=0, api_key=KEY)


@pytest.fixture
def plugins() -> Plugins:
    """All that mount routes."""
    built_in = {
        "http": exo_http.plugin,
        "openai": exo_api_openai.plugin,
        "cluster": exo_api_cluster.plugin,
        "metrics": exo_metrics.plugin,
    }
    return Plugins(built_in=built_in, points=())


def requests_of(routes: list[BaseRoute]) -> Iterator[tuple[str, str]]:
    """Method and path of everything that is mounted."""
    for route in routes:
        assert isinstance(route, Route)
        for method in sorted(route.methods or ()):
            yield method, re.sub(r"\{[^}]+\}", "x", route.path)


async def test_all_routes(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    walked = list(requests_of([health_route(node), *plugin_routes(node)]))
    assert len(walked) > 25
    key = {"x-api-key": KEY}
    for method, path in walked:
        if path == "/health":
            continue
        assert (await client.request(method, path)).status_code == 401, path
        for foreign in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
            assert (await client.request(method, path, headers={**key, **foreign})).status_code == 403, path
        if method in {"POST", "DELETE"}:
            plain = {**key, "Content-Type": "text/plain"}
            assert (await client.request(method, path, headers=plain, content=b"{}")).status_code == 415, path
    assert not node.requests
    assert node.log.length == 0


async def test_the_guards_let_the_same_page_in(client: httpx.AsyncClient, url: str) -> None:
    response = await client.get("/", headers={"x-api-key": KEY, "Origin": url})
    assert response.status_code == 200
    assert "<title>exo</title>" in response.text
