"""A rendezvous in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from exo_rendezvous.testing.meeting_place import Rendezvous


@pytest.fixture
async def rendezvous() -> AsyncIterator[Rendezvous]:
    """An honest one."""
    made = Rendezvous()
    await made.start()
    yield made
    await made.stop()
