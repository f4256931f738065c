"""Keys of the cluster: what each opens, that a revoked one opens nothing, and that nobody keeps a secret."""

from __future__ import annotations

import httpx
import pytest

from exo_core.frozen import JsonValue
from exo_core.node_handle import HttpOptions
from exo_http.key_ring import KeyRing
from exo_http.keys import PLUGIN, PREFIX, draw_key, key_records
from exo_http.operation import Scope
from exo_http.testing.cluster_keys import make_key, revoke_key
from exo_http.testing.scripted_node import ScriptedNode


async def status(client: httpx.AsyncClient, path: str, secret: str | None) -> int:
    """What a key gets."""
    headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
    return (await client.get(path, headers=headers)).status_code


def scopes(ring: KeyRing, secret: str) -> frozenset[Scope] | None:
    """What a secret grants now."""
    grant = ring.grant_of([b"", secret.encode()])
    return None if grant is None else grant.scopes


async def test_the_first_key_closes_the_door_and_the_last_one_opens_it(
    client: httpx.AsyncClient, node: ScriptedNode
) -> None:
    assert await status(client, "/echo", None) == 200
    key = await make_key(node, "admin")
    assert await status(client, "/echo", None) == 401
    assert await status(client, "/echo", "exo-wrong") == 401
    assert await status(client, "/health", None) == 200
    assert await status(client, "/echo", key.secret) == 200
    await revoke_key(node, key)
    assert await status(client, "/echo", None) == 200


async def test_a_revoked_key_opens_nothing(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    first, second = await make_key(node, "admin"), await make_key(node, "admin")
    await revoke_key(node, first)
    assert await status(client, "/echo", first.secret) == 401
    assert await status(client, "/echo", second.secret) == 200


async def test_what_scopes_open(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    """A route that names no scope is for `admin`; `/openapi.json` is for who may ask models."""
    infer, admin = await make_key(node, "infer"), await make_key(node, "admin")
    assert await status(client, "/openapi.json", infer.secret) == 200
    refused = await client.get("/echo", headers={"x-api-key": infer.secret})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "insufficient_scope")
    assert [await status(client, path, admin.secret) for path in ("/openapi.json", "/echo")] == [200, 200]
    assert await status(client, "/nowhere", infer.secret) == 404


async def test_the_cluster_keeps_no_secret(node: ScriptedNode) -> None:
    key = await make_key(node, "infer")
    assert key.secret not in node.state.model_dump_json()
    assert len(key.secret) > 40
    assert draw_key("me", ["infer"], now=1).secret != key.secret
    records = key_records(node.state.extensions[PLUGIN])
    assert records == {key.key_id: key.record}


def test_what_a_later_version_wrote_opens_nothing() -> None:
    strange: dict[str, JsonValue] = {
        f"{PREFIX}1": {"scopes": ["everything"], "sha256": "", "created": 1},
        f"{PREFIX}2": 5,
        "other": {},
    }
    assert key_records(strange) == {}


@pytest.mark.parametrize(("insecure", "needed"), [(False, True), (True, False)])
async def test_a_door_that_others_reach_stays_shut_without_any_key(insecure: bool, needed: bool) -> None:
    node = ScriptedNode(http=HttpOptions(host="0.0.0.0", insecure_no_auth=insecure))
    ring = KeyRing(node, is_reachable=True)
    assert ring.is_needed is needed
    key = await make_key(node, "infer")
    assert ring.is_needed
    assert scopes(ring, key.secret) == {"infer"}
    await revoke_key(node, key)
    assert ring.is_needed is needed
    assert scopes(ring, key.secret) is None
