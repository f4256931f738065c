"""What carries signals."""

from __future__ import annotations

import pytest

from exo_transport_webrtc.testing.post_office import PostOffice


@pytest.fixture
def office() -> PostOffice:
    """An honest one."""
    return PostOffice()
