"""Names and addresses of machines as they stand in a `Host` header, an `Origin`, or an option."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


@lru_cache(maxsize=1024)  # asked several times of every request, nearly always the same
def host_name(authority: str) -> str:
    """`Example.org:80` → `example.org`, `[::1]:5` → `::1`; the port, one trailing dot and a zone are dropped.

    An authority that is none gives an empty string.
    """
    if authority.count(":") > 1 and not authority.startswith("["):
        authority = f"[{authority}]"  # an IPv6 address as it stands in an option or a socket name
    try:
        name = urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return ""
    return _plain_address(name.partition("%")[0].removesuffix("."))


def _plain_address(name: str) -> str:
    """One spelling per address; an IPv4 address that came through an IPv6 socket is an IPv4 address."""
    try:
        address = ip_address(name)
    except ValueError:
        return name
    return str(getattr(address, "ipv4_mapped", None) or address)


def is_loopback(name: str) -> bool:
    """Whether a name or address means this machine alone."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def origin_authority(origin: str) -> str | None:
    """Host and port of an origin, the scheme's own port left out; None when it is no http origin (`null`)."""
    try:
        parts = urlsplit(origin.lower())
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or parts.path not in {"", "/"}:
        return None
    return authority_of(parts.hostname, port, parts.scheme)


def authority_of(name: str, port: int | None, scheme: str) -> str:
    """`name:port`, the scheme's own port left out."""
    shown = f"[{name}]" if ":" in name else name
    return shown if port in {None, DEFAULT_PORTS[scheme]} else f"{shown}:{port}"
