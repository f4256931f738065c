"""A headless Chromium, spoken to by its own protocol (DevTools), where one is installed."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PATIENCE_S = 90.0
LOOK_S = 0.05
OPTIONS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


class Page:
    """One tab. `complaints` holds what its console says that is no mere note."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._listening = asyncio.create_task(self._listen())
        self.complaints: list[str] = []

    async def open(self, url: str) -> None:
        """Go there, and wait until it is loaded."""
        for domain in ("Page", "Runtime", "Log"):
            await self.call(f"{domain}.enable")
        await self.call("Page.navigate", url=url)
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def run(self, expression: str) -> Any:  # noqa: ANN401  it is whatever the page says
        """The value of an expression of JavaScript, awaited."""
        ran = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in ran, ran["exceptionDetails"]
        return ran["result"].get("value")

    async def until(self, expression: str) -> None:
        """Wait until it is true."""
        for _ in range(int(PATIENCE_S / LOOK_S)):
            if await self.run(expression):
                return
            await asyncio.sleep(LOOK_S)
        shown = await self.run("document.body.innerText")
        pytest.fail(f"it never came to {expression}; the page says:\n{shown}\n{self.complaints}")

    async def fill(self, **fields: str) -> None:
        """Type into fields, by their ids."""
        for name, text in fields.items():
            await self.run(f"document.getElementById({json.dumps(name)}).value = {json.dumps(text)}; null")

    async def press(self, name: str) -> None:
        """Press a button."""
        await self.run(f"document.getElementById({json.dumps(name)}).click(); null")

    async def text(self, selector: str) -> str:
        """What an element says; empty where there is none or nobody sees it."""
        return str(await self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    async def picture(self, path: Path) -> None:
        """What a person sees."""
        shot = await self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(shot["data"]))

    async def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """A command of the protocol."""
        number = next(self._numbers)
        waiting = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._connection.send(json.dumps({"id": number, "method": method, "params": parameters}))
        return await waiting

    async def close(self) -> None:
        """As a person closes a tab. May be called any number of times."""
        if not self._listening.done():
            self._listening.cancel()
            await self._connection.send(json.dumps({"id": 0, "method": "Page.close"}))
            await self._connection.close()

    async def _listen(self) -> None:
        async for message in self._connection:
            said = json.loads(message)
            waiting = self._answers.pop(said.get("id", -1), None)
            if waiting is not None:
                assert "error" not in said, said
                waiting.set_result(said["result"])
            elif is_complaint(said):
                self.complaints.append(json.dumps(said["params"])[:1000])


def is_complaint(said: dict[str, Any]) -> bool:
    """Whether the page's console says that something is wrong."""
    level = said.get("params", {}).get("entry", {}).get("level")
    return said.get("method") == "Runtime.exceptionThrown" or level in {"warning", "error"}


@contextmanager
def chromium() -> Generator[str]:
    """A browser of its own; where it takes commands."""
    assert CHROMIUM
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [CHROMIUM, *OPTIONS, "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        try:
            for line in process.stderr:
                found = re.search(r"listening on (ws://\S+)", line)
                if found:
                    yield found[1]
                    return
            pytest.fail("Chromium said nothing of where it listens")
        finally:
            process.terminate()
            process.stderr.close()
            process.wait(10)


OpenPage = Callable[[str], Awaitable[Page]]


@asynccontextmanager
async def pages(browser: str) -> AsyncGenerator[OpenPage]:
    """Opens addresses in new tabs, which are closed at the end."""
    opened: list[Page] = []
    async with connect(browser, max_size=None) as control:

        async def open_one(url: str) -> Page:
            await control.send(json.dumps({"id": 1, "method": "Target.createTarget", "params": {"url": "about:blank"}}))
            target = json.loads(await control.recv())["result"]["targetId"]
            address = f"{browser.partition('/devtools')[0]}/devtools/page/{target}"
            page = Page(await connect(address, max_size=None))
            opened.append(page)
            await page.open(url)
            return page

        yield open_one
        for page in opened:
            await page.close()


def why_no_browser() -> str | None:
    """Why there can be none here; None when there can."""
    return None if CHROMIUM else "not installed: Chromium (Debian package chromium)"
