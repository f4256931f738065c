"""Open the sockets to listen on, or say which port is in use and what to type instead."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Iterator, Sequence

from exo_core.errors import ConnectError
from exo_core.transports import Ticket
from exo_transport_tcp.endpoints import Endpoint, ListenAddress
from exo_transport_tcp.interfaces import own_addresses

BACKLOG = 128
_UNSPECIFIED = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}  # noqa: S104  # members only get in, by mutual TLS
_NO_SUCH_FAMILY = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT}
_ATTEMPTS_FOR_ANY_PORT = 16


def open_listening_sockets(listen: ListenAddress, *, role: str) -> Sequence[socket.socket]:
    """Sockets that listen on one port: one, or for every address of the machine an IPv4 and an IPv6 one.

    `role` is the identity's: it says which option to name when no port is free. Raises `ConnectError`.
    """
    addresses = list(_addresses(listen))
    problem: OSError | None = None
    for port in listen.ports if listen.ports != range(1) else [0] * _ATTEMPTS_FOR_ANY_PORT:
        try:
            return _open_all(addresses, port, everywhere=listen.host is None)
        except OSError as current:
            problem = current
            if current.errno not in {errno.EADDRINUSE, errno.EACCES}:
                break
    raise ConnectError(_why_not(listen, problem, role)) from problem


def tickets_of(sockets: Sequence[socket.socket]) -> Sequence[Ticket]:
    """By which addresses these sockets can be reached now, best first."""
    everywhere: dict[socket.AddressFamily, int] = {}
    chosen: list[Endpoint] = []
    for listening in sockets:
        host, port = listening.getsockname()[:2]
        if host == _UNSPECIFIED.get(listening.family):
            everywhere[listening.family] = port
        else:
            chosen.append(Endpoint(host, port))
    found = [Endpoint(host, everywhere[_family(host)]) for host in own_addresses(everywhere)] if everywhere else []
    return [endpoint.ticket for endpoint in (*chosen, *found)]


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _addresses(listen: ListenAddress) -> Iterator[tuple[socket.AddressFamily, str]]:
    if listen.host is None:
        yield from ((family, _UNSPECIFIED[family]) for family in (socket.AF_INET, socket.AF_INET6))
        return
    try:
        found = socket.getaddrinfo(listen.host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as problem:
        message = f"cannot listen on {listen.host!r}: it is no address of this machine. Choose another with --listen"
        raise ConnectError(message) from problem
    family, _, _, _, address = found[0]
    yield family, str(address[0])


def _open_all(
    addresses: Sequence[tuple[socket.AddressFamily, str]], port: int, *, everywhere: bool
) -> Sequence[socket.socket]:
    opened: list[socket.socket] = []
    with contextlib.ExitStack() as stack:
        for family, host in addresses:
            try:
                listening = stack.enter_context(_open(family, host, port))
            except OSError as problem:
                if everywhere and problem.errno in _NO_SUCH_FAMILY and (opened or family == socket.AF_INET):
                    continue  # a machine without IPv6, or without IPv4
                raise
            opened.append(listening)
            port = listening.getsockname()[1]
        if not opened:
            raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        stack.pop_all()
    return opened


def _open(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere it would let two programs share a port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening


def _why_not(listen: ListenAddress, problem: OSError | None, role: str) -> str:
    option = "--data-ports" if role.startswith("runner:") else "--listen"
    host = listen.host or "any address"
    if problem is None or problem.errno == errno.EADDRINUSE:
        first, last = listen.ports[0], listen.ports[-1]
        what = f"port {first} is" if first == last else f"ports {first} to {last} are all"
        return (
            f"{what} in use on {host}, perhaps by another exo. Choose another port with {option}, or stop that program"
        )
    return f"cannot listen on {host}, port {listen.ports[0]}: {problem.strerror}. Choose another with {option}"
