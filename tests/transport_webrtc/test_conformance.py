"""The WebRTC transport keeps the contract of transports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exo_core.testing.transport_conformance import MakeTransport, TransportConformance

if TYPE_CHECKING:
    from conftest import PostOffice


class TestWebrtc(TransportConformance):
    blocking = False
    thin = True

    @pytest.fixture
    def make_transport(self, office: PostOffice) -> MakeTransport:
        return office.transport
