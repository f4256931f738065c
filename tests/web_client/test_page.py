"""The page in a real browser, over a real rendezvous, before a node that says what a script says."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

from exo_core.testing.node_process import free_port
from exo_http.keys import NewKey
from exo_http.testing.scripted_node import ScriptedNode
from exo_rendezvous.testing.meeting_place import Rendezvous, until
from exo_web_client.page import document
from exo_web_client.testing.chromium import OpenPage, Page


def address(rendezvous: Rendezvous) -> str:
    """Of its page."""
    return rendezvous.url.replace("ws:", "http:")


async def connect(page: Page, key: NewKey) -> None:
    """Type the key and wait until the node is reached."""
    await page.fill(key=key.secret)
    await page.press("connect-button")
    await page.until("document.getElementById('state').innerText === 'Connected'")


async def ask(page: Page, model: str, prompt: str) -> None:
    """Send a message."""
    await page.run(f"document.getElementById('model').replaceChildren(new Option({model!r})); null")
    await page.fill(prompt=prompt)
    await page.press("send")


async def test_a_conversation(node: ScriptedNode, rendezvous: Rendezvous, key: NewKey, open_page: OpenPage) -> None:
    page = await open_page(address(rendezvous))
    assert await page.run("document.getElementById('rendezvous').value") == address(rendezvous)
    await connect(page, key)
    for turn in (1, 2):
        await ask(page, "m", f"question {turn}")
        await page.until(f"document.querySelectorAll('.assistant').length === {turn} && !running")
        assert await page.text(".assistant:last-child .said") == "Hello é"
    asked = [str(request) for request in node.requests]
    assert "question 1" in asked[1]
    await ask(page, "nowhere", "question 3")
    await page.until("document.querySelector('.error')?.innerText.includes('nowhere')")
    assert page.complaints == []
    await page.press("leave")
    await page.until("document.getElementById('state').innerText === 'Not connected'")
    assert await page.text("#problem") == ""


async def test_what_is_stopped_and_what_a_closed_page_asked_is_cancelled(
    node: ScriptedNode, rendezvous: Rendezvous, key: NewKey, open_page: OpenPage
) -> None:
    page = await open_page(address(rendezvous))
    await connect(page, key)
    await ask(page, "endless", "go on")
    await page.until("document.querySelector('.said').innerText.length > 30")
    await page.press("send")
    await until(lambda: not node.open_requests)
    await page.until("document.querySelector('.note').innerText === 'stopped'")
    await ask(page, "endless", "go on")
    await until(lambda: bool(node.open_requests))
    await page.close()
    await until(lambda: not node.open_requests)


async def test_a_wrong_key_and_a_wrong_address_are_said(
    node: ScriptedNode, rendezvous: Rendezvous, open_page: OpenPage
) -> None:
    assert node.state.extensions
    page = await open_page(address(rendezvous))
    for fields, words in (
        ({"key": "exo-wrong"}, "this key is wrong"),
        ({"rendezvous": f"http://127.0.0.1:{free_port()}"}, "does not answer"),
        ({"rendezvous": "ftp://nowhere"}, "is no address"),
    ):
        await page.fill(**fields)
        await page.press("connect-button")
        await page.until(f"document.getElementById('problem').innerText.includes({json.dumps(words)})")
    assert await page.text("#state") == "Not connected"


async def test_the_page_opens_as_a_file(
    node: ScriptedNode, rendezvous: Rendezvous, key: NewKey, open_page: OpenPage, tmp_path: Path
) -> None:
    assert node.state.extensions
    file = tmp_path / "exo.html"
    file.write_text(document().html)
    page = await open_page(file.as_uri())
    await page.fill(rendezvous=address(rendezvous))
    await connect(page, key)
    refused = await page.run("door.askJson('GET', '/v1/models/none').catch((problem) => problem.message)")
    assert "none" in refused
    assert page.complaints == []
    await rendezvous.stop()
    assert await page.run("door.askJson('GET', '/v1/models').then((models) => models.object)") == "list"


def test_the_page_is_one_document_that_runs_nothing_but_what_is_in_it() -> None:
    page = document()
    assert not re.search(r"""(?:src|href)=["'](?!data:)""", page.html)
    for nothing in ("innerHTML", "localStorage", "/* style */", "/* script */", "{policy}", "unsafe"):
        assert nothing not in page.html
    for tag in ("style", "script"):
        found = re.search(rf"<{tag}>(.*?)</{tag}>", page.html, re.DOTALL)
        assert found is not None
        digest = base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in page.policy
    assert page.policy.startswith("default-src 'none'; connect-src ws: wss:;")
    assert page.response().headers["content-security-policy"].startswith(page.policy)
