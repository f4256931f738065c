"""`/openapi.json` describes every route of every plugin, those of others included."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

import exo_api_cluster.plugin
import exo_api_openai.plugin
import exo_http.plugin
import exo_metrics.plugin
from exo_core import hookimpl
from exo_core.plugins.manager import Plugins
from exo_http.operation import ApiRoute
from exo_http.plugin_routes import plugin_routes
from exo_http.testing.scripted_node import ScriptedNode
from exo_http.testing.serving import serving_at


def signpost() -> ModuleType:
    """A third party's plugin with a route that says nothing of itself."""

    async def way(request: Request) -> Response:
        """Which way it is."""
        return PlainTextResponse(request.path_params["name"])

    @hookimpl(optionalhook=True)
    def exo_http_routes() -> Sequence[BaseRoute]:
        return [Route("/way/{name:path}", way, methods=["GET", "POST"])]

    module = ModuleType("signpost")
    vars(module)["exo_http_routes"] = exo_http_routes
    return module


@pytest.fixture
def node() -> ScriptedNode:
    """With all of our surfaces, and another's."""
    surfaces: dict[str, Any] = {"http": exo_http.plugin, "openai": exo_api_openai.plugin}
    surfaces |= {"cluster": exo_api_cluster.plugin, "metrics": exo_metrics.plugin, "signpost": signpost()}
    return ScriptedNode(plugins=Plugins(built_in=surfaces, points=()))


@pytest.fixture
async def document(node: ScriptedNode) -> dict[str, Any]:
    """What the server gives."""
    async with serving_at(node) as url, httpx.AsyncClient(base_url=url, trust_env=False) as client:
        return (await client.get("/openapi.json")).json()


def test_every_route_is_there(node: ScriptedNode, document: dict[str, Any]) -> None:
    paths = document["paths"]
    for route in plugin_routes(node):
        assert isinstance(route, Route)
        path = paths[route.path.replace(":path", "")]
        assert {method.lower() for method in route.methods or ()} - {"head"} <= path.keys()
    assert {"/health", "/openapi.json"} <= paths.keys()


def test_our_own_say_what_they_take_and_give(node: ScriptedNode) -> None:
    routes = [route for route in plugin_routes(node) if isinstance(route, Route)]
    silent = {route.path for route in routes if not isinstance(route, ApiRoute)}
    assert silent == {"/way/{name:path}"}


def test_a_route_that_says_nothing_may_answer_anything(document: dict[str, Any]) -> None:
    entry = document["paths"]["/way/{name}"]["get"]
    assert entry["summary"] == "Which way it is."
    assert entry["parameters"][0]["name"] == "name"
    assert list(entry["responses"]["200"]["content"]) == ["*/*"]


def test_references_lead_somewhere_and_names_are_their_own(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert {name.rpartition("/")[2] for name in references(document)} <= schemas.keys()
    ids = [entry["operationId"] for path in document["paths"].values() for entry in path.values()]
    assert len(ids) == len(set(ids))
    assert schemas["ChatRequest"]["properties"]["audio"]["description"] == "refused: there is no audio"
    assert schemas["ChatRequest"]["properties"]["temperature"]["anyOf"][0]["maximum"] == 100


def references(document: dict[str, Any]) -> list[str]:
    """All that a document refers to."""
    return re.findall(r'"\$ref": "([^"]+)"', json.dumps(document))


def test_only_health_needs_no_key(document: dict[str, Any]) -> None:
    without = [
        path for path, entries in document["paths"].items() for entry in entries.values() if not entry["security"]
    ]
    assert without == ["/health"]
