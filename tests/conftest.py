"""For every test: drawn examples have no time limit of their own, since machines that run tests do other things too.

Files that take long begin first: else one of several processes is left with one of them when the others have ended. And
a browser, for tests of pages.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from exo_web_client.testing.chromium import OpenPage

settings.register_profile("exo", deadline=None)
settings.load_profile("exo")

LONG_FILES = Path(__file__).with_name("long_files.txt")
"""Those of ten seconds and more, the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, the others after them as they come."""
    rank = {name: place for place, name in enumerate(LONG_FILES.read_text(encoding="utf-8").split())}
    items.sort(key=lambda item: rank.get(item.nodeid.partition("::")[0], len(rank)))


@pytest.fixture(scope="module")
def browser() -> Iterator[str]:
    """A Chromium for the tests of a file."""
    from exo_web_client.testing.chromium import chromium, why_no_browser

    if reason := why_no_browser():
        pytest.skip(reason)
    with chromium() as address:
        yield address


@pytest.fixture
async def open_page(browser: str) -> AsyncIterator[OpenPage]:
    """Opens an address in a new tab."""
    from exo_web_client.testing.chromium import pages

    async with pages(browser) as opener:
        yield opener
