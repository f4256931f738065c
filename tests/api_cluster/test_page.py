"""The page at `/` runs nothing but what is in it, and shows the cluster and what its models say."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING

import httpx

from exo_http.testing.scripted_node import ScriptedNode
from exo_http.testing.serving import serving_at
from exo_web_client.testing.chromium import OpenPage

if TYPE_CHECKING:
    from conftest import Cluster


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


async def test_a_person_sees_the_cluster_and_asks_a_model(
    node: ScriptedNode, cluster: Cluster, open_page: OpenPage
) -> None:
    cluster.measure()
    async with serving_at(node) as url:
        page = await open_page(url)
        await page.until("document.querySelectorAll('#nodes h3').length === 2")
        await page.fill(**{"place-model": "known"})
        await page.run("find('place').requestSubmit()")
        await page.until("document.querySelector('#instances h3')?.innerText === 'known'")
        await page.until("find('model').value === 'known'")
        await page.fill(prompt="a question")
        await page.press("send")
        await page.until("!!document.querySelector('.said')?.innerText && !running")
        assert (await page.text(".said"), await page.text(".note")) == ("x", "1 token")
        await page.run("request('GET', '/instance/nowhere').catch((problem) => { window.said = problem.message })")
        assert "nowhere" in await page.run("said")
    assert [complaint for complaint in page.complaints if "404" not in complaint] == []
    assert "a question" in str(node.requests[-1])
