"""Other ways than HTTP into the front door: the same guards and routes, always a key, and only what is let through."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import ModuleType
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Message

from exo_core import hookimpl
from exo_core.errors import UserError
from exo_core.node_handle import HttpOptions
from exo_core.plugins.manager import Plugins
from exo_http import plugin as http_plugin
from exo_http.door import Door
from exo_http.operation import Scope
from exo_http.testing.cluster_keys import make_key
from exo_http.testing.scripted_node import ScriptedNode
from exo_http.testing.serving import serving_at

INFER: frozenset[Scope] = frozenset({"infer"})


def entrance_plugin(opened: list[Door], problem: Exception | None = None) -> ModuleType:
    """A third party's entrance: the doors that are open now, or it fails."""

    @asynccontextmanager
    async def entrance(door: Door) -> AsyncGenerator[None]:
        if problem is not None:
            raise problem
        opened.append(door)
        yield
        opened.remove(door)

    @hookimpl(optionalhook=True)
    def exo_http_entrances(door: Door) -> Sequence[AbstractAsyncContextManager[None]]:
        return [entrance(door)]

    @hookimpl(optionalhook=True)
    def exo_http_routes() -> Sequence[BaseRoute]:
        async def for_admins(request: Request) -> Response:
            del request
            return JSONResponse({})

        return [Route("/admins", for_admins)]

    module = ModuleType("entrance_plugin")
    vars(module)["exo_http_routes"] = exo_http_routes
    vars(module)["exo_http_entrances"] = exo_http_entrances
    return module


def node_with(*plugins: ModuleType) -> ScriptedNode:
    """A node with these plugins and the front door, which has a key of its own."""
    built_in = {"http": http_plugin, **{f"plugin{number}": plugin for number, plugin in enumerate(plugins)}}
    return ScriptedNode(http=HttpOptions(port=0, api_key="own"), plugins=Plugins(built_in=built_in, points=()))


async def asked(door: Door, path: str, key: str | None) -> tuple[int, str]:
    """Status of a request that came by an entrance, and the code of its error."""
    headers = [(b"host", b"localhost")] + ([] if key is None else [(b"authorization", f"Bearer {key}".encode())])
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode()}
    scope |= {
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": headers,
        "client": None,
        "server": None,
    }
    said: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        said.append(message)

    await door.answer(scope, receive, send, most=INFER)
    body = json.loads(b"".join(message.get("body", b"") for message in said))
    return said[0]["status"], body.get("error", {}).get("code", "")


async def test_a_request_by_an_entrance_needs_a_key_and_gets_no_further_than_it_lets_through() -> None:
    opened: list[Door] = []
    node = node_with(entrance_plugin(opened))
    async with serving_at(node):
        (door,) = opened
        infer, admin = await make_key(node, "infer"), await make_key(node, "admin")
        assert sorted(door.keys) == sorted([infer.record.sha256, admin.record.sha256])
        assert await asked(door, "/health", None) == (200, "")
        assert await asked(door, "/openapi.json", None) == (401, "invalid_api_key")
        for key in (infer.secret, admin.secret, "own"):
            assert await asked(door, "/openapi.json", key) == (200, "")
            assert await asked(door, "/admins", key) == (403, "insufficient_scope")
    assert opened == []


@pytest.mark.parametrize("keys", [0, 1])
async def test_a_key_is_needed_even_where_http_needs_none(keys: int) -> None:
    opened: list[Door] = []
    node = node_with(entrance_plugin(opened))
    node.http = HttpOptions(port=0, insecure_no_auth=True)
    async with serving_at(node) as url, httpx.AsyncClient(trust_env=False) as client:
        for _ in range(keys):
            await make_key(node, "infer")
        assert (await client.get(f"{url}/openapi.json")).status_code == (401 if keys else 200)
        assert await asked(opened[0], "/openapi.json", None) == (401, "invalid_api_key")


async def test_an_entrance_that_fails_stays_shut_and_a_wrong_setting_is_said() -> None:
    opened: list[Door] = []
    failing, good = entrance_plugin([], ValueError("no")), entrance_plugin(opened)
    async with serving_at(node_with(failing, good)) as url, httpx.AsyncClient(trust_env=False) as client:
        assert len(opened) == 1
        assert (await client.get(f"{url}/health")).status_code == 200
    with pytest.raises(UserError, match="write it so"):
        async with serving_at(node_with(entrance_plugin([], UserError("write it so")))):
            pass
