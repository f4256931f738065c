"""Who counts as one? Whoever comes from one address of IPv4, or from one network of IPv6: a home has 2^64 addresses."""

from __future__ import annotations

import ipaddress
from typing import Final

HOME_BITS: Final = 64
"""As many bits of an IPv6 address name the network; the rest, everybody in it chooses for themselves."""


def source_of(host: str) -> str:
    """The name of that source; what is no address stands for itself."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, HOME_BITS), strict=False))
