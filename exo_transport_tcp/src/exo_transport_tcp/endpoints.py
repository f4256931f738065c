"""How an address is written: tickets (`tcp://host:port`), what a person types, and where to listen."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from exo_core.transports import Ticket

SCHEME = "tcp"
DEFAULT_PORT = 52416
HIGHEST_PORT = 65535
_HOST = re.compile(r"[A-Za-z0-9._:%-]{1,255}")


@dataclass(frozen=True)
class Endpoint:
    """A host (name, IPv4 or IPv6 address without brackets) and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def ticket(self) -> Ticket:
        """As a ticket."""
        return Ticket(f"{SCHEME}://{self}")


@dataclass(frozen=True)
class ListenAddress:
    """Where to listen: `host` None means every address of this machine; the first free port of `ports` is taken."""

    host: str | None
    ports: range


def parse_endpoint(text: str) -> Endpoint:
    """`tcp://host:port`, with or without scheme and port. Raises `ValueError` that says what to type."""
    scheme, separator, rest = text.strip().partition("://")
    host, port = _split(rest if separator else scheme)
    if (separator and scheme.lower() != SCHEME) or not _HOST.fullmatch(host):
        raise ValueError(_wrong_endpoint(text))
    try:
        return Endpoint(host, _port(port, lowest=1) if port else DEFAULT_PORT)
    except ValueError as problem:
        raise ValueError(_wrong_endpoint(text)) from problem


def parse_listen(text: str | None) -> ListenAddress:
    """`host:port`, `host:a-b`, `:port`, `[v6]:port`; no or `*` as host: all addresses; None: any port too.

    Raises `ValueError` that says what to type.
    """
    if text is None:
        return ListenAddress(None, range(1))
    host, ports = _split(text.strip())
    first, dash, last = ports.partition("-")
    try:
        lowest = _port(first, lowest=1 if dash else 0)
        highest = _port(last, lowest=lowest) if dash else lowest
    except ValueError as problem:
        message = f"cannot listen on {text!r}: write HOST:PORT, for instance 0.0.0.0:52416 or [::]:52416 or :5000-5100"
        raise ValueError(message) from problem
    return ListenAddress(None if host in {"", "*"} else host, range(lowest, highest + 1))


def _split(text: str) -> tuple[str, str]:
    """Host and port, either of which may be empty; an IPv6 address may come without brackets if no port follows."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        return (host, rest[1:]) if bracket and rest[:1] in {"", ":"} else ("", "")
    if _is_ipv6(text):
        return text, ""
    host, _, port = text.rpartition(":") if ":" in text else (text, "", "")
    return (host, port) if ":" not in host else ("", "")


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.ip_address(text.partition("%")[0]).version == 6
    except ValueError:
        return False


def _port(text: str, *, lowest: int) -> int:
    if not (text.isascii() and text.isdigit() and lowest <= int(text) <= HIGHEST_PORT):
        raise ValueError(text)
    return int(text)


def _wrong_endpoint(text: str) -> str:
    return f"{text!r} is no address of exo's: write tcp://HOST:PORT, for instance tcp://10.0.0.2:{DEFAULT_PORT}"
