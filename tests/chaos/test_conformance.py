"""A transport that is wrapped and has no faults keeps the contract of transports."""

from __future__ import annotations

import pytest

from exo_core.testing.chaos.chaos_transport import ChaosTransport
from exo_core.testing.chaos.fault_board import FaultBoard
from exo_core.testing.memory_network import MemoryNetwork
from exo_core.testing.transport_conformance import MakeTransport, TransportConformance
from exo_core.transports import TransportContext
from exo_transport_tcp.transport import TcpTransport
from exo_transport_webrtc.testing.post_office import PostOffice


class TestChaosOverTcp(TransportConformance):
    @pytest.fixture
    def make_transport(self) -> MakeTransport:
        board = FaultBoard()

        def make(context: TransportContext) -> ChaosTransport:
            return ChaosTransport(TcpTransport(context), context.identity, board)

        return make


@pytest.mark.slow
class TestChaosOverWebrtc(TransportConformance):
    blocking = False
    thin = True

    @pytest.fixture
    def make_transport(self) -> MakeTransport:
        board, office = FaultBoard(), PostOffice()

        def make(context: TransportContext) -> ChaosTransport:
            return ChaosTransport(office.transport(context), context.identity, board)

        return make


class TestChaosOverMemory(TransportConformance):
    listen = "alice:0"

    @pytest.fixture
    def make_transport(self) -> MakeTransport:
        board, network = FaultBoard(), MemoryNetwork(seed=0)

        def make(context: TransportContext) -> ChaosTransport:
            return ChaosTransport(network.transport(context), context.identity, board)

        return make
