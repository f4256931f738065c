"""Every piece of an answer is sent at once: it does not wait until the client's system has confirmed the one before."""

from __future__ import annotations

import socket

import pytest

from exo_core.node_handle import HttpOptions
from exo_http.listening import open_sockets


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_connections_hold_nothing_back(host: str) -> None:
    for listening in open_sockets(HttpOptions(host=host, port=0)):
        with listening, socket.create_connection(listening.getsockname()[:2], timeout=5):
            connection, _ = listening.accept()
            with connection:
                assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
