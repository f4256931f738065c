"""The WebRTC transport keeps the contract of transports."""

from __future__ import annotations

import pytest

from exo_core.testing.transport_conformance import MakeTransport, TransportConformance
from exo_transport_webrtc.testing.post_office import PostOffice


class TestWebrtc(TransportConformance):
    blocking = False
    thin = True

    @pytest.fixture
    def make_transport(self, office: PostOffice) -> MakeTransport:
        return office.transport
