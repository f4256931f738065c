"""Every guard lets an honest client through and nobody else."""

from __future__ import annotations

import base64
import logging

import httpx
import pytest

from exo_core.node_handle import HttpOptions
from exo_http.testing.scripted_node import ScriptedNode

KEY = "a-long-random-wörd"


def with_options(**changes: object) -> pytest.MarkDecorator:
    """Run a test behind a door with these options."""
    return pytest.mark.parametrize("options", [HttpOptions(**{"port": 0, **changes})], indirect=True)  # pyright: ignore[reportArgumentType] as named


async def test_an_honest_request_passes_every_guard(client: httpx.AsyncClient) -> None:
    response = await client.post("/echo", json={"a": 1})
    assert (response.status_code, response.json()) == (200, {"bytes": 7})
    assert response.headers["x-request-id"].startswith("req_")


async def test_health(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    response = await client.get("/health")
    assert response.json() == {"status": "ok", "node_id": node.node_id, "version": node.version}


async def test_an_unknown_path_is_a_404_in_the_shape_of_all_errors(client: httpx.AsyncClient) -> None:
    response = await client.get("/nowhere")
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"
    assert "/nowhere" in response.json()["error"]["message"]
    assert response.headers["x-request-id"]


async def test_a_wrong_method_is_a_405_that_says_which_are_right(client: httpx.AsyncClient) -> None:
    response = await client.put("/echo", json={})
    assert response.status_code == 405
    assert "POST" in response.headers["allow"]
    assert response.json()["error"]["code"] == "method_not_allowed"


async def test_a_handler_that_fails_tells_nobody_what_it_saw(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        response = await client.post("/broken", json="my prompt")
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "internal_error"
    assert response.headers["x-request-id"] in response.json()["error"]["message"]
    assert "prompt" not in response.text + caplog.text
    assert "RuntimeError" in caplog.text
    assert "in broken" in caplog.text or " broken" in caplog.text


@with_options(api_key=KEY)
@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {KEY}".encode()},
        {"authorization": f"bearer   {KEY}".encode()},
        {"x-api-key": KEY.encode()},
        {"Authorization": b"Basic " + base64.b64encode(f"anybody:{KEY}".encode())},
    ],
)
async def test_the_key_opens_in_three_places(client: httpx.AsyncClient, headers: dict[str, bytes]) -> None:
    sent = [(name.encode(), value) for name, value in headers.items()]
    assert (await client.get("/echo", headers=sent)).status_code == 200


@with_options(api_key=KEY)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer a-long-random-word"},
        {"Authorization": f"Token {KEY}".encode()},
        {"x-api-key": ""},
        {"Authorization": "Basic !!!"},
        {"Authorization": b"Basic " + base64.b64encode(f"{KEY}:wrong".encode())},
    ],
)
async def test_nothing_else_opens(client: httpx.AsyncClient, headers: dict[str, str | bytes]) -> None:
    sent = [(name.encode(), value if isinstance(value, bytes) else value.encode()) for name, value in headers.items()]
    response = await client.get("/echo", headers=sent)
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "invalid_api_key"
    assert response.headers["www-authenticate"] == "Bearer"
    assert KEY not in response.text


@with_options(api_key=KEY)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/echo"), ("POST", "/broken"), ("GET", "/nowhere"), ("PUT", "/x")]
)
async def test_without_the_key_no_path_tells_whether_it_exists(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    assert (await client.request(method, path)).status_code == 401


@with_options(api_key=KEY)
async def test_health_needs_no_key_and_a_browser_is_asked_for_one(client: httpx.AsyncClient) -> None:
    assert (await client.get("/health")).status_code == 200
    assert (await client.post("/health", json={})).status_code == 401
    assert (await client.get("/")).headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "localhost.:80", "127.0.0.1:99", "127.1.2.3", "[::1]:8", "exo.localhost"]
)
async def test_loopback_names_are_ours_with_any_port(client: httpx.AsyncClient, host: str) -> None:
    assert (await client.get("/echo", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.1.2.3", "[::2]", "a b", "", ":80"]
)
async def test_a_foreign_host_is_refused(client: httpx.AsyncClient, host: str) -> None:
    response = await client.get("/echo", headers={"Host": host})
    assert response.status_code in {400, 403}
    if response.status_code == 403:
        assert response.json()["error"]["code"] == "host_not_allowed"
        assert "--allow-host" in response.json()["error"]["message"]


@with_options(allowed_hosts=("exo.home", "Two.Home:8080"))
async def test_a_listed_host_is_ours(client: httpx.AsyncClient) -> None:
    for host in ("exo.home", "EXO.home:1234", "two.home"):
        assert (await client.get("/echo", headers={"Host": host})).status_code == 200
    assert (await client.get("/echo", headers={"Host": "three.home"})).status_code == 403


@with_options(host="0.0.0.0", insecure_no_auth=True)
async def test_bound_to_all_the_address_a_request_arrived_at_is_ours(url: str) -> None:
    port = url.rpartition(":")[2]
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"http://127.0.0.1:{port}/echo")).status_code == 200
        assert (await client.get(f"http://127.0.0.1:{port}/echo", headers={"Host": "10.9.9.9"})).status_code == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1", "file://", "http://[", "x"])
async def test_a_foreign_origin_is_refused(client: httpx.AsyncClient, origin: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        response = await client.request(method, "/echo", headers={"Origin": origin})
        assert response.status_code == 403
        assert response.json()["error"]["code"] == "origin_not_allowed"
        assert "access-control-allow-origin" not in response.headers


async def test_the_same_origin_passes(client: httpx.AsyncClient, url: str) -> None:
    assert (await client.post("/echo", json={}, headers={"Origin": url})).status_code == 200
    behind_tls = {"Host": "localhost", "Origin": "https://localhost"}
    assert (await client.post("/echo", json={}, headers=behind_tls)).status_code == 200


@with_options(allowed_origins=("https://app.example",), api_key=KEY)
async def test_a_listed_origin_may_ask_and_read(client: httpx.AsyncClient) -> None:
    origin = {"Origin": "https://app.example"}
    asked = await client.options("/echo", headers={**origin, "Access-Control-Request-Method": "POST"})
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-origin"] == "https://app.example"
    refused = await client.post("/echo", json={}, headers=origin)
    assert refused.status_code == 401
    missing = await client.get("/nowhere", headers=origin)
    for error in (refused, missing, await client.get("/echo?" + "a" * 2001, headers=origin)):
        assert error.status_code >= 400
        assert error.headers["access-control-allow-origin"] == "https://app.example", "a page may read why"
        assert "x-request-id" in error.headers["access-control-expose-headers"].lower()
    foreign = await client.get("/echo", headers={"Origin": "https://evil.example"})
    assert (foreign.status_code, "access-control-allow-origin" in foreign.headers) == (403, False)
    key = base64.b64encode(f":{KEY}".encode()).decode()
    answered = await client.post("/echo", json={}, headers={**origin, "Authorization": f"Basic {key}"})
    assert answered.status_code == 200
    assert answered.headers["access-control-allow-origin"] == "https://app.example"


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "json"]
)
async def test_a_body_that_is_not_json_is_refused(client: httpx.AsyncClient, media_type: str) -> None:
    for method in ("POST", "DELETE"):
        response = await client.request(method, "/echo", content=b"{}", headers={"Content-Type": media_type})
        assert response.status_code == 415


async def test_a_body_without_a_type_is_refused_and_none_at_all_is_fine(client: httpx.AsyncClient) -> None:
    assert (await client.post("/echo", content=b"{}")).status_code == 415
    assert (await client.post("/echo")).status_code == 200
    charset = {"Content-Type": "application/json; charset=utf-8"}
    assert (await client.post("/echo", content=b"{}", headers=charset)).status_code == 200


async def test_too_many_headers_too_large_headers_and_too_long_targets(client: httpx.AsyncClient) -> None:
    many = {f"x-{number}": "1" for number in range(41)}
    assert (await client.get("/echo", headers=many)).status_code == 431
    assert (await client.get("/echo", headers={"x-large": "a" * 9000})).status_code == 431
    assert (await client.get("/echo?" + "a" * 2001)).status_code == 414
