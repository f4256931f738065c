"""For every test: drawn examples have no time limit of their own, since machines that run tests do other things too.

And a browser, for tests of pages.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from exo_web_client.testing.chromium import OpenPage

settings.register_profile("exo", deadline=None)
settings.load_profile("exo")


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
