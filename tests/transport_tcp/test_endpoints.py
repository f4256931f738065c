"""Addresses as people write them."""

from __future__ import annotations

import ipaddress
import socket

import pytest

from exo_core.network_interfaces.kinds import InterfaceKind
from exo_core.network_interfaces.reading import NetworkInterface
from exo_transport_tcp.endpoints import Endpoint, ListenAddress, parse_endpoint, parse_listen
from exo_transport_tcp.interfaces import own_addresses, usable


@pytest.mark.parametrize(
    ("text", "ticket"),
    [
        ("tcp://10.0.0.2:52417", "tcp://10.0.0.2:52417"),
        ("tcp://10.0.0.2", "tcp://10.0.0.2:52416"),
        ("10.0.0.2", "tcp://10.0.0.2:52416"),
        ("studio.local:9", "tcp://studio.local:9"),
        ("TCP://studio", "tcp://studio:52416"),
        ("tcp://[2001:db8::1]:9", "tcp://[2001:db8::1]:9"),
        ("2001:db8::1", "tcp://[2001:db8::1]:52416"),
        ("tcp://[fe80::1%en0]", "tcp://[fe80::1%en0]:52416"),
        (" tcp://a:1\n", "tcp://a:1"),
    ],
)
def test_what_a_person_types_becomes_a_ticket(text: str, ticket: str) -> None:
    assert parse_endpoint(text).ticket == ticket
    assert parse_endpoint(ticket) == parse_endpoint(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tcp://",
        "http://a:1",
        "a:0",
        "a:65536",
        "a:-1",
        "a:x",
        "a:\uff11",
        "[::1",
        "[::1]x",
        "a b",
        "a:1:2",
        "tcp://:52416",
    ],
)
def test_what_is_no_address_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="tcp://HOST:PORT"):
        _ = parse_endpoint(text)


@pytest.mark.parametrize(
    ("text", "host", "ports"),
    [
        (None, None, range(1)),
        ("10.0.0.1:52416", "10.0.0.1", range(52416, 52417)),
        (":52416", None, range(52416, 52417)),
        ("*:0", None, range(1)),
        ("[::1]:5000-5002", "::1", range(5000, 5003)),
        ("localhost:7-7", "localhost", range(7, 8)),
    ],
)
def test_where_to_listen(text: str | None, host: str | None, ports: range) -> None:
    assert parse_listen(text) == ListenAddress(host, ports)


@pytest.mark.parametrize("text", ["", "52416", "a:", "a:b", "a:9-5", "a:0-5", "a:1-70000", "::1", "a:1-"])
def test_where_one_cannot_listen_is_said_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        _ = parse_listen(text)


def test_an_ipv6_endpoint_has_brackets() -> None:
    assert str(Endpoint("::1", 9)) == "[::1]:9"


def interface(name: str, kind: InterfaceKind, *addresses: str) -> NetworkInterface:
    return NetworkInterface(
        name=name, kind=kind, mbit_per_s=0, addresses=tuple(ipaddress.ip_interface(address) for address in addresses)
    )


def test_addresses_come_in_the_order_of_their_interfaces() -> None:
    interfaces = [
        interface("thunderbolt0", "thunderbolt", "169.254.7.7/16"),
        interface("eth0", "ethernet", "10.0.0.5/24", "2001:db8::1/64"),
        interface("lo", "loopback", "127.0.0.1/8", "::1/128"),
    ]
    assert usable(interfaces, {4, 6}) == ["169.254.7.7", "10.0.0.5", "2001:db8::1", "127.0.0.1", "::1"]
    assert usable(interfaces, {6}) == ["2001:db8::1", "::1"]


def test_addresses_that_mean_nothing_elsewhere_are_left_out() -> None:
    many = ["fe80::1%eth0/64", "2001:db8::1/64", "2001:db8::2/64", "2001:db8::3/64", "ff02::1/16", "0.0.0.0/0"]
    assert usable([interface("eth0", "ethernet", *many)], {4, 6}) == ["2001:db8::1", "2001:db8::2"]


def test_this_machine_has_a_loopback_address_and_it_comes_last() -> None:
    assert own_addresses([socket.AF_INET])[-1].startswith("127.")
