"""Members are recognised, other clusters are told of once, and nobody is believed."""

from __future__ import annotations

import ipaddress

import pytest

from exo_core.identity.secret import ClusterSecret
from exo_core.network_interfaces.reading import NetworkInterface
from exo_core.transports import Ticket
from exo_discovery_zeroconf.acquaintance import Acquaintance
from exo_discovery_zeroconf.announcement import Announcement

NETWORK = [
    NetworkInterface(name="eth0", kind="ethernet", mbit_per_s=0, addresses=(ipaddress.ip_interface("10.0.0.5/24"),))
]
THEIRS = ["172.17.0.1", "10.0.0.9"]


class Member:
    """A node of one cluster that writes down what is suggested to it."""

    def __init__(self, secret: ClusterSecret) -> None:
        self.recognition_tag = secret.recognition_tag
        self.suggested: list[tuple[Ticket, ...]] = []

    def announcement(self) -> Announcement:
        return Announcement(nonce=b"n" * 16, tag=self.recognition_tag(b"n" * 16), ports={"tcp": 7})

    def suggest_peer(self, *tickets: Ticket) -> None:
        self.suggested.append(tickets)


def test_a_member_is_suggested_with_the_address_on_our_own_network_first() -> None:
    secret = ClusterSecret.generate()
    node = Member(secret)
    Acquaintance().hear(node, Member(secret).announcement(), THEIRS, NETWORK)
    assert node.suggested == [("tcp://10.0.0.9:7", "tcp://172.17.0.1:7")]


def test_another_cluster_is_told_of_once_with_what_to_type(caplog: pytest.LogCaptureFixture) -> None:
    node, acquaintance = Member(ClusterSecret.generate()), Acquaintance()
    for _ in range(3):
        acquaintance.hear(node, Member(ClusterSecret.generate()).announcement(), THEIRS, NETWORK)
    assert node.suggested == []
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "10.0.0.9" in caplog.text
    assert "exo invite" in caplog.text
    assert "exo run --join" in caplog.text


def test_a_tag_fits_one_nonce_only() -> None:
    secret = ClusterSecret.generate()
    assert len(secret.recognition_tag(b"a")) == 16
    assert secret.recognition_tag(b"a") == ClusterSecret(secret.reveal()).recognition_tag(b"a")
    assert secret.recognition_tag(b"a") != secret.recognition_tag(b"b")
