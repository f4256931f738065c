"""Tickets and settings are read strictly, and what is wrong with them is said."""

from __future__ import annotations

import pytest

from exo_core.errors import UserError
from exo_core.identifiers import NodeId
from exo_core.transports import Peer
from exo_transport_webrtc.tickets import Address, parse_ticket
from exo_transport_webrtc.webrtc_settings import StunServer, parse_rendezvous, parse_settings

NODE = NodeId("a2" * 13)


@pytest.mark.parametrize("runner", [None, "instance-1/0", "a:b@c"])
@pytest.mark.parametrize("via", [None, "wss://meet.example:8443", "ws://[2001:db8::1]:80/exo"])
def test_a_ticket_says_whom_and_where(runner: str | None, via: str | None) -> None:
    address = Address(NODE, runner, via)
    assert parse_ticket(address.ticket) == address


def test_who_answers_depends_on_who_calls() -> None:
    node, runner = Address(NODE), Address(NODE, "r-1")
    assert node.peer("node") == Peer(node_id=NODE, role="node")
    assert node.peer("joiner") == Peer(node_id=NODE, role="inviter")
    assert runner.peer("runner:r-2") == Peer(node_id=NODE, role="runner:r-1")


@pytest.mark.parametrize(
    "text", ["", "webrtc://", "webrtc://..", f"tcp://{NODE}", f"webrtc://{NODE}?via=ftp://x", f"webrtc://{NODE}/a b"]
)
def test_what_is_no_ticket_is_refused_with_what_to_type(text: str) -> None:
    with pytest.raises(ValueError, match="write "):
        _ = parse_ticket(text)


def test_a_rendezvous_may_be_written_as_a_web_address() -> None:
    assert parse_rendezvous("https://meet.example/") == "wss://meet.example"
    assert parse_rendezvous("http://10.0.0.1:8080") == "ws://10.0.0.1:8080"


def test_servers_are_none_by_default_and_read_with_their_ports() -> None:
    assert parse_settings({}) == parse_settings({"stun": ""})
    settings = parse_settings(
        {"stun": "stun:stun.example", "turn": "turns:t.example", "turn_user": "u", "turn_password": "hidden"}
    )
    assert settings.stun == StunServer("stun.example", 3478)
    assert settings.turn is not None
    assert (settings.turn.port, settings.turn.transport, settings.turn.tls) == (5349, "tcp", True)
    assert "hidden" not in repr(settings)


@pytest.mark.parametrize("key", ["stun", "turn", "rendezvous"])
@pytest.mark.parametrize("value", ["x", "stun:", "turns:host?transport=udp", "http://a b", "turn:host:port"])
def test_a_setting_that_cannot_be_meant_is_refused(key: str, value: str) -> None:
    with pytest.raises(UserError, match=r"write |is no address"):
        _ = parse_settings({key: value})
