"""Where is this node to be found on its networks? From its tickets and its machine's interfaces. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from exo_core.network_interfaces.reading import NetworkInterface
from exo_core.transports import Ticket

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_TICKET = re.compile(r"([a-z][a-z0-9_-]*)://(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]+)")
_LEFT_OUT = ("loopback", "tunnel")
"""Kinds of interfaces on which nothing is announced: nobody else is there, or not by multicast."""


@dataclass(frozen=True, kw_only=True)
class Presence:
    """`ports` by transport, the preferred first; `addresses` of the node; `interfaces`: our end of each network."""

    ports: tuple[tuple[str, int], ...]
    addresses: tuple[IpAddress, ...]
    interfaces: tuple[IpAddress, ...]


def presence_of(tickets: Sequence[Ticket], interfaces: Sequence[NetworkInterface]) -> Presence | None:
    """None while it can be reached from no other machine. Tickets that are not `scheme://address:port` are left out."""
    ways = [way for ticket in tickets if (way := _way(ticket)) is not None]
    own = [address.ip for interface in interfaces if interface.kind not in _LEFT_OUT for address in interface.addresses]
    hosts = [address for _, address, _ in ways]
    addresses = [*dict.fromkeys(address for address in hosts if address in own), *_link_local(hosts, own)]
    if not addresses:
        return None
    ports: dict[str, int] = {}
    for transport, _, port in ways:
        ports.setdefault(transport, port)
    return Presence(ports=tuple(ports.items()), addresses=tuple(addresses), interfaces=tuple(dict.fromkeys(_ends(own))))


def _way(ticket: Ticket) -> tuple[str, IpAddress, int] | None:
    found = _TICKET.fullmatch(ticket)
    try:
        return None if found is None else (found[1], ipaddress.ip_address(found[2] or found[3]), int(found[4]))
    except ValueError:
        return None


def _link_local(hosts: Sequence[IpAddress], own: Sequence[IpAddress]) -> Iterator[IpAddress]:
    """Tickets leave out link-local IPv6 (each machine names the zone differently); multicast DNS knows the zone.

    They are reachable where the node listens on every address, which one sees from `::1` among several.
    """
    if len(hosts) > 1 and ipaddress.ip_address("::1") in hosts:
        yield from (address for address in own if address.version == 6 and address.is_link_local)


def _ends(own: Sequence[IpAddress]) -> Iterator[IpAddress]:
    """Each IPv4 network by our address in it, each interface with IPv6 by its link-local address."""
    return (address for address in own if address.version == 4 or address.is_link_local)
