"""How does a machine say that nobody is there any more? By ICMP, which Linux tells a socket if it is asked (ip(7))."""

from __future__ import annotations

import contextlib
import socket
from asyncio.trsock import TransportSocket
from typing import Final

_TELL_IPV4: Final = (socket.IPPROTO_IP, 11)
"""IP_RECVERR of Linux, which Python has no name for."""

_TELL_IPV6: Final = (socket.IPPROTO_IPV6, 25)
_LARGEST_REPORT: Final = 512
_FROM_ERROR_QUEUE: Final = 0x2000
"""MSG_ERRQUEUE of Linux."""


def ask_for_refusals(link_socket: TransportSocket) -> None:
    """From now on an error of the socket tells of refusals. Other systems do nothing."""
    with contextlib.suppress(OSError):
        level, option = _TELL_IPV6 if link_socket.family == socket.AF_INET6 else _TELL_IPV4
        link_socket.setsockopt(level, option, 1)


def take_refusals(link_socket: TransportSocket) -> None:
    """Take all reports that wait: as long as one does, an event loop is woken for it again and again."""
    with contextlib.suppress(OSError), link_socket.dup() as beside:
        while True:
            beside.recvmsg(1, _LARGEST_REPORT, _FROM_ERROR_QUEUE | socket.MSG_DONTWAIT)
