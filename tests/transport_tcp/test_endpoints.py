"""Addresses as people write them."""

from __future__ import annotations

import socket

import pytest

from exo_transport_tcp.endpoints import Endpoint, ListenAddress, parse_endpoint, parse_listen
from exo_transport_tcp.interfaces import ordered, own_addresses


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


def test_better_networks_come_first_and_loopback_last() -> None:
    addresses = ordered(
        {
            "lo": ["127.0.0.1"],
            "docker0": ["172.17.0.1"],
            "wlan0": ["192.168.1.5"],
            "eth0": ["10.0.0.5"],
            "thunderbolt0": ["169.254.7.7"],
            "utun3": ["100.64.0.5"],
        }
    )
    assert addresses == ["169.254.7.7", "10.0.0.5", "192.168.1.5", "100.64.0.5", "172.17.0.1", "127.0.0.1"]


def test_addresses_that_mean_nothing_elsewhere_are_left_out() -> None:
    assert ordered({"eth0": ["fe80::1%eth0", "2001:db8::1", "2001:db8::2", "2001:db8::3"]}) == [
        "2001:db8::1",
        "2001:db8::2",
    ]


def test_this_machine_has_a_loopback_address() -> None:
    assert "127.0.0.1" in own_addresses(socket.AF_INET)
