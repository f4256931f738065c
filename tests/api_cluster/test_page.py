"""The page at `/` runs nothing but what is in it."""

from __future__ import annotations

import base64
import hashlib
import re

import httpx


async def test_the_page_is_one_document(client: httpx.AsyncClient) -> None:
    response = await client.get("/")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert not re.search(r"""(?:src|href)=["'](?!data:)""", response.text)
    assert "http://" not in response.text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in response.text
    assert "innerHTML" not in response.text
    assert "/* style */" not in response.text
    assert "/* script */" not in response.text


async def test_its_policy_allows_exactly_its_style_and_script(client: httpx.AsyncClient) -> None:
    response = await client.get("/")
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; connect-src 'self'")
    for tag in ("style", "script"):
        found = re.search(rf"<{tag}>(.*?)</{tag}>", response.text, re.DOTALL)
        assert found is not None
        digest = base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
