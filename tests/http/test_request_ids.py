"""Every answer names its request: by the id that its client brought, or by one that was drawn."""

from __future__ import annotations

import httpx
import pytest

from exo_core.node_handle import HttpOptions

HEADER = "X-Request-Id"


async def test_each_request_has_an_id_of_its_own(client: httpx.AsyncClient) -> None:
    ids = {(await client.get("/echo")).headers[HEADER] for _ in range(3)}
    assert len(ids) == 3
    assert all(shown.startswith("req_") for shown in ids)


@pytest.mark.parametrize("given", ["7", "trace-1.2:3", "req_00-4bf92f", "a" * 128, "Zm9v+/8="])
async def test_an_id_that_the_client_brings_is_echoed(client: httpx.AsyncClient, given: str) -> None:
    asked = [
        await client.get("/echo", headers={HEADER: given}),
        await client.get("/nowhere", headers={HEADER: given}),
        await client.post("/broken", json=1, headers={HEADER: given}),
        await client.get("/echo", headers={HEADER: given, "Host": "evil.example"}),
    ]
    assert [response.status_code for response in asked] == [200, 404, 500, 403]
    assert [response.headers.get_list(HEADER) for response in asked] == [[given]] * 4
    assert given in asked[2].json()["error"]["message"], "by this the log is searched"


async def test_a_stream_is_named_too(client: httpx.AsyncClient) -> None:
    async with client.stream("GET", "/held", headers={HEADER: "mine"}) as response:
        assert response.headers[HEADER] == "mine"


@pytest.mark.parametrize("given", [b"", b"a b", b"a" * 129, b"<script>", b"\xff", b"a,b", b'"x"'])
async def test_what_is_no_id_gets_one(client: httpx.AsyncClient, given: bytes) -> None:
    response = await client.get("/echo", headers=[(HEADER.encode(), given)])
    assert response.status_code == 200
    assert response.headers[HEADER].startswith("req_")


@pytest.mark.parametrize("options", [HttpOptions(port=0, api_key="key")], indirect=True)
async def test_who_has_no_key_is_answered_under_an_id(client: httpx.AsyncClient) -> None:
    response = await client.get("/echo", headers={HEADER: "mine"})
    assert (response.status_code, response.headers[HEADER]) == (401, "mine")
