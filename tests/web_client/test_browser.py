"""The page in a real browser, `exo rendezvous`, and a real node that answers with the embedded model."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from exo_core.testing.node_process import EXO, NodeProcess, eventually, free_port
from exo_web_client.testing.chromium import OpenPage

pytestmark = pytest.mark.slow

WATCH = """
window.lengths = new Set();
new MutationObserver(() => lengths.add(document.querySelector(".said")?.innerText.length)).observe(
  document.getElementById("messages"), { childList: true, subtree: true, characterData: true }); null
"""
ENDLESS = """
door.ask("POST", "/v1/chat/completions", {
  model: "tiny", messages: [{ role: "user", content: "Hello" }], stream: true, ignore_eos: true, max_tokens: 100000,
}).then((asked) => { window.begun = asked.status; }); null
"""


class Cluster:
    """A rendezvous, and a node that waits there for browsers and can answer."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.rendezvous = f"http://127.0.0.1:{port}"
        self.said = folder / "rendezvous.out"
        with self.said.open("wb") as output:
            command = [EXO, "rendezvous", "--host", "127.0.0.1", "--port", str(port)]
            self._meeting = subprocess.Popen(command, stdout=output, stderr=output)
        environment = {"EXO_WEBRTC_RENDEZVOUS": self.rendezvous}
        self.node = NodeProcess(folder / "alpha", "alpha", "--no-discovery", environment=environment).start()
        self.node.place("tiny")

    def key(self, scope: str) -> str:
        """A new key."""
        return self.node.exo("key", "create", "--scope", scope).stdout.strip()

    def open_requests(self, admin: str) -> int:
        """As `/metrics` counts them."""
        headers = {"Authorization": f"Bearer {admin}"}
        answer = httpx.get(f"{self.node.url}/metrics", headers=headers, trust_env=False)
        lines = [line.split() for line in answer.text.splitlines()]
        return next(int(float(words[1])) for words in lines if words[0] == "exo_requests_open")

    def stop(self) -> None:
        """End both."""
        self.node.kill()
        self._meeting.terminate()
        self._meeting.wait(10)


@pytest.fixture
def cluster(tmp_path: Path, browser: str) -> Iterator[Cluster]:
    """None is started where there is no browser."""
    assert browser
    made = Cluster(tmp_path)
    yield made
    made.stop()


async def test_a_browser_is_answered_and_is_no_member(cluster: Cluster, open_page: OpenPage) -> None:
    key, admin = cluster.key("infer"), cluster.key("admin")
    page = await open_page(cluster.rendezvous)
    await page.fill(key=key)
    await page.press("connect-button")
    await page.until("document.getElementById('state').innerText === 'Connected'")
    await page.run(WATCH)
    await page.fill(prompt="What is exo?")
    await page.press("send")
    await page.until("!!document.querySelector('.assistant') && !running")
    assert await page.text(".error") == ""
    assert await page.run("lengths.size") > 3  # of an answer that is drawn anew each time
    await page.run(f"door.key = {json.dumps(admin)}; null")
    refused = await page.run("door.askJson('GET', '/state').catch((problem) => problem.message)")
    assert "the scope 'admin' is not answered here" in refused
    state = json.loads(cluster.node.exo("status", "--json").stdout)
    assert [node["name"] for node in state["nodes"].values()] == ["alpha"]
    assert state["links"] == []

    await page.run(ENDLESS)
    await page.until("window.begun === 200")
    assert cluster.open_requests(admin) == 1
    await page.close()
    eventually(lambda: cluster.open_requests(admin) == 0, "the request is cancelled")
    assert page.complaints == []
    said = cluster.node.output + cluster.said.read_text()
    assert [secret for secret in (key, admin, "What is exo") if secret in said] == []
