"""What a key may use: so many requests at once, so many requests and tokens a minute."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import ModuleType

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from exo_core import hookimpl
from exo_core.identifiers import CommandId
from exo_core.node_handle import HttpOptions, NodeHandle
from exo_core.observations import Observation
from exo_core.plugins.manager import Plugins
from exo_core.state.commands import ChangeExtension
from exo_http import plugin as http_plugin
from exo_http.errors import ApiError
from exo_http.grants import Grant
from exo_http.key_limits import Allowance, KeyLimits
from exo_http.key_uses import KeyUses
from exo_http.keys import PLUGIN, PREFIX, draw_key
from exo_http.operation import ApiRoute, Operation
from exo_http.own_machine import is_from_here
from exo_http.request_ids import new_request_id, request_id_of
from exo_http.testing.scripted_node import ScriptedNode

HERE = (b"host", b"localhost:52415")
OTHERS = {"X-Forwarded-For": "10.0.0.7"}
"""Passed on by a proxy: else a test's requests come from the node's own machine, which is under no limit."""


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def refusal(uses: KeyUses, grant: Grant) -> tuple[str, str] | None:
    """Message and Retry-After of a request that is made and over at once; None when it is let through."""
    try:
        with uses.one_more(grant, new_request_id()):
            return None
    except ApiError as error:
        return error.message, error.headers["Retry-After"]


def test_requests_at_once() -> None:
    uses = KeyUses()
    grant = Grant(key_id="k", limits=KeyLimits(requests_at_once=2))
    with uses.one_more(grant, new_request_id()), uses.one_more(grant, new_request_id()):
        assert refusal(uses, grant) == ("this key may have 2 requests at once; ask again in 1 s", "1")
        assert refusal(uses, Grant(key_id="another", limits=grant.limits)) is None
        assert refusal(uses, Grant(key_id="free")) is None
    assert refusal(uses, grant) is None


def test_requests_a_minute() -> None:
    clock = Clock()
    uses, grant = KeyUses(clock), Grant(key_id="k", limits=KeyLimits(requests_per_minute=4))
    assert [refusal(uses, grant) for _ in range(4)] == [None] * 4
    assert refusal(uses, grant) == ("this key may have 4 requests a minute; ask again in 15 s", "15")
    clock.now += 14
    assert refusal(uses, grant) == ("this key may have 4 requests a minute; ask again in 1 s", "1")
    clock.now += 1
    assert refusal(uses, grant) is None
    assert refusal(uses, grant) is not None, "what is refused uses nothing, and one was there"
    clock.now += 1000
    assert [refusal(uses, grant) is None for _ in range(5)] == [True] * 4 + [False]


def test_tokens_a_minute() -> None:
    """Also of several requests to engines for one of a client, and of one whose client is gone."""
    clock = Clock()
    uses, grant = KeyUses(clock), Grant(key_id="k", limits=KeyLimits(tokens_per_minute=60))
    request_id = new_request_id()
    with uses.one_more(grant, request_id):
        for subject in (request_id, f"{request_id}-1", "somebody-else"):
            uses.exo_observe(Observation(kind="request_started", subject=subject))
        uses.exo_observe(Observation(kind="request_finished", subject=request_id, count=20, prompt_tokens=10))
        assert refusal(uses, grant) is None
    for subject in (f"{request_id}-1", "somebody-else"):
        uses.exo_observe(Observation(kind="request_finished", subject=subject, count=50))
    assert refusal(uses, grant) == ("this key may have 60 tokens a minute; ask again in 21 s", "21")
    clock.now += 21
    assert refusal(uses, grant) is None


@given(st.integers(1, 1000), st.lists(st.tuples(st.floats(0, 100), st.integers(1, 50)), max_size=30))
def test_an_allowance_gives_no_more_than_it_fills_up(per_minute: int, asked: list[tuple[float, int]]) -> None:
    now, used = 0.0, 0
    allowance = Allowance(per_minute, now)
    for pause, count in asked:
        now += pause
        wait_s = allowance.wait_s(now)
        assert wait_s >= 0
        assert allowance.wait_s(now + wait_s + 1e-6) == 0
        now += wait_s + 1e-6
        if used > per_minute:
            assert used - 50 <= per_minute * (1 + now / 60)
        allowance.use(count, now)
        used += count


def slow_route() -> ModuleType:
    """A surface that asks models, or says so, and takes its time."""

    async def slow(request: Request) -> Response:
        await asyncio.sleep(0.3)
        return JSONResponse({"id": request_id_of(request.scope)})

    @hookimpl(optionalhook=True)
    def exo_http_routes(node: NodeHandle) -> Sequence[BaseRoute]:
        del node
        asks = Operation(summary="slow", answer=dict[str, str], asks_models=True)
        looks = Operation(summary="slow", answer=dict[str, str])
        return [
            ApiRoute("/ask", slow, operation=asks, method="POST", scope="infer"),
            ApiRoute("/look", slow, operation=looks, method="POST", scope="infer"),
        ]

    module = ModuleType("slow_route")
    vars(module)["exo_http_routes"] = exo_http_routes
    return module


@pytest.fixture
def plugins() -> Plugins:
    return Plugins(built_in={"http": http_plugin, "slow": slow_route()}, points=())


@pytest.fixture
async def limited(node: ScriptedNode) -> dict[str, str]:
    """The header of a key that may ask one thing at once."""
    key = draw_key("me", ["infer"], 1, KeyLimits(requests_at_once=1))
    record = key.record.model_dump(mode="json")
    await node.submit(
        ChangeExtension(command_id=CommandId("c"), plugin=PLUGIN, key=f"{PREFIX}{key.key_id}", value=record)
    )
    return {"x-api-key": key.secret}


async def statuses(client: httpx.AsyncClient, path: str, headers: dict[str, str]) -> list[int]:
    """Of two at once."""
    both = await asyncio.gather(*(client.post(path, json={}, headers=headers) for _ in range(2)))
    return sorted(response.status_code for response in both)


async def test_the_door_holds_a_key_to_its_limits(client: httpx.AsyncClient, limited: dict[str, str]) -> None:
    assert await statuses(client, "/ask", {**limited, **OTHERS}) == [200, 429]
    first, second = await asyncio.gather(
        *(client.post("/ask", json={}, headers={**limited, **OTHERS}) for _ in range(2))
    )
    refused = first if first.status_code == 429 else second
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    assert refused.headers["retry-after"] == "1"
    assert await statuses(client, "/look", {**limited, **OTHERS}) == [200, 200], "it asks no model"
    assert await statuses(client, "/ask", limited) == [200, 200], "it comes from this machine"
    assert (await client.post("/ask", json={}, headers={**limited, **OTHERS})).status_code == 200


@pytest.mark.parametrize(
    ("address", "headers", "expected"),
    [
        ("127.0.0.1", [], True),
        ("::1", [], True),
        ("::ffff:127.0.0.1", [], True),
        ("10.0.0.7", [], False),
        ("127.0.0.1", [(b"forwarded", b"for=10.0.0.7")], False),
        ("127.0.0.1", [(b"x-forwarded-for", b"10.0.0.7")], False),
        ("127.0.0.1", [(b"via", b"1.1 proxy")], False),
        ("127.0.0.1", [(b"x-real-ip", b"10.0.0.7")], False),
    ],
)
def test_what_comes_from_this_machine(address: str, headers: list[tuple[bytes, bytes]], *, expected: bool) -> None:
    assert is_from_here({"client": (address, 5), "headers": [HERE, *headers]}) is expected


def test_whoever_asks_for_a_name_that_others_know_came_through_a_proxy() -> None:
    scope = {"client": ("127.0.0.1", 5), "headers": [(b"host", b"exo.example.org")]}
    assert not is_from_here(scope)


@pytest.mark.parametrize("options", [HttpOptions(port=0, behind_proxy=True)], indirect=True)
async def test_behind_a_proxy_that_hides_itself_nobody_is_local(
    client: httpx.AsyncClient, limited: dict[str, str]
) -> None:
    assert await statuses(client, "/ask", limited) == [200, 429]


def test_where_a_client_is_not_known_it_is_somewhere_else() -> None:
    assert not is_from_here({"client": None, "headers": [HERE]})
