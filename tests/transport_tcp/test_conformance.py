"""The TCP transport keeps the contract of transports."""

from __future__ import annotations

import pytest

from exo_core.testing.transport_conformance import MakeTransport, TransportConformance
from exo_transport_tcp.transport import TcpTransport


class TestTcp(TransportConformance):
    @pytest.fixture
    def make_transport(self) -> MakeTransport:
        return TcpTransport
