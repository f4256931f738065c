"""One question by the page in a headless Chromium, on whatever machine this is run; the answer is printed.

`python -m exo_web_client.testing.ask_by_browser FOLDER RENDEZVOUS KEY QUESTION [TURN USER PASSWORD]`. The page is
opened as a file in that folder. Fails with what the page shows.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from exo_web_client.page import document
from exo_web_client.testing.chromium import Page, chromium, pages

IS_DECIDED = "!!door || !!document.getElementById('problem').innerText"


async def ask(folder: Path, fields: dict[str, str], question: str) -> str:
    """The answer, and how it was reached."""
    file = folder / "exo.html"
    file.write_text(document().html, encoding="utf-8")
    with chromium() as browser:
        async with pages(browser) as open_page:
            page = await open_page(file.as_uri())
            await page.fill(**fields)
            began = time.monotonic()
            await page.press("connect-button")
            await page.until(IS_DECIDED)
            if not await page.run("!!door"):
                raise SystemExit(await page.text("#problem"))
            seconds = time.monotonic() - began
            answer = await _answer(page, question)
            return f"{answer}\nreached in {seconds:.1f} s, by {await page.run(WAYS)}"


WAYS = """
door.channel.path.connection.getStats().then((stats) => {
  const pair = [...stats.values()].find((item) => item.type === "candidate-pair" && item.nominated);
  return `${stats.get(pair.localCandidateId).candidateType} to ${stats.get(pair.remoteCandidateId).candidateType}`;
})
"""


async def _answer(page: Page, question: str) -> str:
    await page.until("document.getElementById('state').innerText === 'Connected'")
    await page.fill(prompt=question)
    await page.press("send")
    await page.until("!!document.querySelector('.assistant') && !running")
    if problem := await page.text(".error"):
        raise SystemExit(problem)
    return await page.text(".said")


def main() -> None:
    """See above."""
    folder, rendezvous, key, question, *turn = sys.argv[1:]
    fields = {"rendezvous": rendezvous, "key": key}
    fields |= dict(zip(("turn", "turn-user", "turn-password"), turn, strict=False))
    print(asyncio.run(ask(Path(folder), fields, question)))


if __name__ == "__main__":
    main()
