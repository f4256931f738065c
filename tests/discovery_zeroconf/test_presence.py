"""Where a node is to be found on its networks."""

from __future__ import annotations

import ipaddress

import pytest

from exo_core.network_interfaces.kinds import InterfaceKind
from exo_core.network_interfaces.reading import NetworkInterface
from exo_core.transports import Ticket
from exo_discovery_zeroconf.presence import Presence, presence_of


def interface(name: str, kind: InterfaceKind, *addresses: str) -> NetworkInterface:
    return NetworkInterface(
        name=name, kind=kind, mbit_per_s=0, addresses=tuple(ipaddress.ip_interface(item) for item in addresses)
    )


MACHINE = [
    interface("eth0", "ethernet", "10.0.0.5/24", "fe80::5%eth0/64", "2001:db8::5/64"),
    interface("utun0", "tunnel", "100.64.0.5/10"),
    interface("lo", "loopback", "127.0.0.1/8", "::1/128"),
]
EVERYWHERE = [
    Ticket(f"tcp://{host}:52416") for host in ("10.0.0.5", "[2001:db8::5]", "100.64.0.5", "127.0.0.1", "[::1]")
]


def ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(text)


def test_a_node_that_listens_everywhere_is_found_at_the_addresses_of_its_real_networks() -> None:
    assert presence_of(EVERYWHERE, MACHINE) == Presence(
        ports=(("tcp", 52416),),
        addresses=(ip("10.0.0.5"), ip("2001:db8::5"), ip("fe80::5")),
        interfaces=(ip("10.0.0.5"), ip("fe80::5")),
    )


def test_a_node_that_listens_at_one_address_is_found_there_only() -> None:
    presence = presence_of([Ticket("tcp://10.0.0.5:7")], MACHINE)
    assert presence is not None
    assert presence.addresses == (ip("10.0.0.5"),)


def test_transports_keep_their_order_and_the_port_of_each() -> None:
    presence = presence_of([Ticket("pigeon://10.0.0.5:9"), *EVERYWHERE], MACHINE)
    assert presence is not None
    assert presence.ports == (("pigeon", 9), ("tcp", 52416))


@pytest.mark.parametrize("ticket", ["tcp://127.0.0.1:7", "tcp://[::1]:7", "tcp://100.64.0.5:7", "memory://a:1", "x"])
def test_a_node_that_others_cannot_reach_is_nowhere(ticket: str) -> None:
    assert presence_of([Ticket(ticket)], MACHINE) is None


def test_a_node_without_tickets_is_nowhere() -> None:
    assert presence_of([], MACHINE) is None


def test_two_machines_with_only_a_cable_between_them_are_found_by_their_link_local_addresses() -> None:
    cable = [interface("thunderbolt0", "thunderbolt", "fe80::5%thunderbolt0/64"), MACHINE[-1]]
    presence = presence_of([Ticket("tcp://127.0.0.1:7"), Ticket("tcp://[::1]:7")], cable)
    assert presence is not None
    assert presence.addresses == presence.interfaces == (ip("fe80::5"),)
