"""A refusal is told once: an event loop that is woken for it again and again does nothing else."""

from __future__ import annotations

import select
import socket
import sys
from asyncio.trsock import TransportSocket

import pytest

from exo_transport_webrtc.refusals import ask_for_refusals, take_refusals


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell of refusals")
def test_a_refusal_that_was_taken_wakes_nobody() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as lost,
    ):
        lost.bind(("127.0.0.1", 0))
        address = lost.getsockname()
        lost.close()
        ask_for_refusals(TransportSocket(ours))
        poll = select.poll()
        poll.register(ours, select.POLLIN)
        ours.sendto(b"is anybody there?", address)
        assert poll.poll(5000) == [(ours.fileno(), select.POLLERR)]
        with pytest.raises(ConnectionRefusedError):
            ours.recvfrom(1)
        assert poll.poll(0), "as long as its report waits"
        take_refusals(TransportSocket(ours))
        assert poll.poll(0) == []
