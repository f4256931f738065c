"""By which addresses can others reach this machine, and which of them is best?"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence

from exo_core.network_interfaces.reading import InterfaceAddress, NetworkInterface, network_interfaces

MAXIMUM_PER_INTERFACE = 2
"""Of one interface and one kind of address: machines collect many temporary IPv6 addresses."""

_VERSIONS = {socket.AF_INET: 4, socket.AF_INET6: 6}


def own_addresses(families: Iterable[socket.AddressFamily]) -> Sequence[str]:
    """The usable addresses of these families (AF_INET, AF_INET6) as they are now, best first, loopback last."""
    return usable(network_interfaces(), {_VERSIONS[family] for family in families})


def usable(interfaces: Sequence[NetworkInterface], versions: Iterable[int]) -> Sequence[str]:
    """The addresses of these interfaces that make sense on another machine, in their order."""
    return [
        str(address.ip)
        for interface in interfaces
        for version in sorted(versions)
        for address in [item for item in interface.addresses if _is_usable(item, version)][:MAXIMUM_PER_INTERFACE]
    ]


def _is_usable(address: InterfaceAddress, version: int) -> bool:
    """Link-local IPv6 needs a zone, which has another name on every machine. Link-local IPv4 is fine (Thunderbolt)."""
    ip = address.ip
    unusable = ip.is_multicast or ip.is_unspecified or (version == 6 and ip.is_link_local)
    return ip.version == version and not unusable
