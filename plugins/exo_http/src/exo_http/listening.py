"""Opening the sockets of the front door, or saying why it stays shut."""

from __future__ import annotations

import contextlib
import errno
import socket
import sys
from collections.abc import Iterable, Sequence

from exo_core.errors import UserError
from exo_core.node_handle import HttpOptions
from exo_http.hosts import host_name, is_loopback

BACKLOG = 1024


def open_sockets(options: HttpOptions, *, has_keys: bool = False) -> Sequence[socket.socket]:
    """Listening sockets on every address of `options.host`. Raises `UserError` when it must not or cannot be.

    `has_keys`: the cluster has API keys.
    """
    addresses = resolve(options.host, options.port)
    check_bind(options, addresses, has_keys=has_keys)
    with contextlib.ExitStack() as opened:
        sockets: list[socket.socket] = []
        for address in addresses:
            # With port 0 every address gets the port the first one drew.
            port = sockets[0].getsockname()[1] if sockets else options.port
            sockets.append(opened.enter_context(_listen(address, port)))
        opened.pop_all()
    return sockets


def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host name, each once. Raises `UserError` when it has none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as problem:
        message = f"--api-host {host} is no address of this machine: {problem.strerror or problem}"
        raise UserError(message) from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_reachable(addresses: Iterable[str]) -> bool:
    """Whether others than this machine can reach one of them."""
    return not all(is_loopback(host_name(address)) for address in addresses)


def check_bind(options: HttpOptions, addresses: Sequence[str], *, has_keys: bool = False) -> None:
    """Refuse what would let strangers use the cluster. Raises `UserError`."""
    if options.api_key is not None and not options.api_key.strip():
        message = "the API key is empty; put a long random word into EXO_API_KEY or the file of --api-key-file"
        raise UserError(message)
    has_key = has_keys or options.api_key is not None
    if is_reachable(addresses) and not has_key and not options.insecure_no_auth:
        message = (
            f"--api-host {options.host} would let everyone who reaches this machine use the cluster; set a key with "
            "--api-key-file FILE or EXO_API_KEY, or make one while the node runs without that option (exo key create), "
            "or say --insecure-no-auth if that is what you want"
        )
        raise UserError(message)


def _listen(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    dual = address == "::" and socket.has_dualstack_ipv6()
    try:
        listening = socket.create_server((address, port), family=family, backlog=BACKLOG, dualstack_ipv6=dual)
    except OSError as problem:
        raise UserError(_why(problem, address, port)) from None
    # Connections inherit it. asyncio sets it only where the socket names its protocol, which this one does not; without
    # it the second piece of an answer waits until the client's system confirms the first: 40 ms on Linux.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _why(problem: OSError, address: str, port: int) -> str:
    if problem.errno == errno.EADDRINUSE:
        return (
            f"port {port} is in use on {address}: another node or program serves there; "
            f"choose another with --api-port {port + 1 if port < 65535 else port - 1}, or start without HTTP: --no-api"
        )
    if problem.errno == errno.EACCES and sys.platform != "win32":
        return f"port {port} may be opened by root only; choose one from 1024 on with --api-port"
    return f"cannot listen on {address}, port {port}: {problem.strerror or problem}; see --api-host and --api-port"
