"""How every socket of a link is set: nothing waits for more to send, and a vanished machine is noticed in the end."""

from __future__ import annotations

import socket

_KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPALIVE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 4}
"""Seconds of silence before the first probe (two names: Linux, macOS) and between probes, and how many are lost."""


def set_link_options(link_socket: socket.socket) -> None:
    """The options that exist on this system."""
    link_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link_socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        option = getattr(socket, name, None)
        if isinstance(option, int):
            link_socket.setsockopt(socket.IPPROTO_TCP, option, value)
