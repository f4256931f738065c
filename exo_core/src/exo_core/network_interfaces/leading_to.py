"""Which of somebody else's addresses is best? The one that our best interface leads to without a router."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from exo_core.network_interfaces.reading import NetworkInterface


def by_way(addresses: Iterable[str], interfaces: Sequence[NetworkInterface]) -> Sequence[str]:
    """The addresses, by the interface (best first) on whose network each lies; those behind a router come last.

    Loopback leads to this machine only and comes last of all. What is no IP address is left out.
    """
    places = [(place, address) for address in addresses if (place := _place(address, interfaces)) is not None]
    return [address for _, address in sorted(places, key=lambda item: item[0])]


def _place(address: str, interfaces: Sequence[NetworkInterface]) -> int | None:
    try:
        plain = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if plain.is_loopback:
        return len(interfaces) + 1
    return next((place for place, interface in enumerate(interfaces) if _leads_to(interface, plain)), len(interfaces))


def _leads_to(interface: NetworkInterface, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """IPv6 link-local networks are the same on every interface, so they say nothing."""
    if address.version == 6 and address.is_link_local:
        return False
    return any(own.version == address.version and address in own.network for own in interface.addresses)
