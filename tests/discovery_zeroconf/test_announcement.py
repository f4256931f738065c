"""What is said to a whole network, and what is made of what others say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exo_discovery_zeroconf.announcement import MOST_ADDRESSES, MOST_TRANSPORTS, Announcement

OURS = Announcement(nonce=b"n" * 16, tag=b"t" * 16, ports={"tcp": 52416, "pigeon": 7})


def test_what_is_announced_is_understood() -> None:
    assert Announcement.of(OURS.fields) == OURS


def test_nothing_is_announced_but_random_bytes_and_ports() -> None:
    assert OURS.fields == {"v": "1", "n": "6e" * 16, "t": "74" * 16, "via": "tcp:52416,pigeon:7"}


@pytest.mark.parametrize(
    "changes",
    [
        {"v": "2"},
        {"v": ""},
        {"n": "6e"},
        {"n": "xy" * 16},
        {"t": "x"},
        {"via": ""},
        {"via": "tcp"},
        {"via": "tcp:0"},
        {"via": "TCP:1"},
        {"via": "t c p:1"},
        {"more": "x" * 300},
    ],
)
def test_what_no_node_announces_is_passed_over(changes: dict[str, str]) -> None:
    assert Announcement.of({**OURS.fields, **changes}) is None


@given(st.dictionaries(st.sampled_from(["v", "n", "t", "via", "x"]), st.text(max_size=300)))
def test_anything_can_be_heard(fields: dict[str, str]) -> None:
    heard = Announcement.of({"v": "1", **fields})
    assert heard is None or len(heard.ports) <= MOST_TRANSPORTS


def test_tickets_go_by_transport_and_then_by_address() -> None:
    assert OURS.tickets(["10.0.0.2", "fe80::1%3"]) == [
        "tcp://10.0.0.2:52416",
        "tcp://[fe80::1%3]:52416",
        "pigeon://10.0.0.2:7",
        "pigeon://[fe80::1%3]:7",
    ]


def test_only_so_many_addresses_of_one_announcer_are_tried() -> None:
    addresses = [f"10.0.0.{number}" for number in range(100)]
    assert len(OURS.tickets(addresses)) == len(OURS.ports) * MOST_ADDRESSES
