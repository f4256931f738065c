"""The protocol itself, without sockets: who waits for whom, and what a member that misbehaves can do."""

from __future__ import annotations

import pytest

from exo_core.errors import AuthenticationError, ConnectError, LinkClosed
from exo_core.testing.parties import parties, peer_for
from exo_core.transports import Identity, Peer
from exo_transport_tcp.framing import framed
from exo_transport_tcp.session import HANDSHAKE_BYTES, Session, client_session, server_session
from exo_transport_tcp.tls_contexts import ServerContexts


def met(client: Identity, server: Identity) -> tuple[Session, Session]:
    """Both sides of a finished handshake."""
    near, far = client_session(client, expect=None), server_session(ServerContexts(server, lambda _: None))
    near_peer: Peer | None = near.shake_hands()
    far_peer: Peer | None = None
    while near_peer is None or far_peer is None:
        far_peer = far.shake_hands(near.channel.outgoing()) or far_peer
        near_peer = near.shake_hands(far.channel.outgoing()) or near_peer
    assert (near_peer, far_peer) == (peer_for(server), peer_for(client))
    return near, far


def test_a_client_waits_until_it_was_judged() -> None:
    near = client_session(parties().bob, expect=None)
    far = server_session(ServerContexts(parties().alice, lambda _: None))
    assert near.shake_hands() is None
    assert far.shake_hands(near.channel.outgoing()) is None
    assert near.shake_hands(far.channel.outgoing()) is None, "TLS is complete here, but nobody has judged the client"
    assert far.shake_hands(near.channel.outgoing()) == peer_for(parties().bob)
    assert near.shake_hands(far.channel.outgoing()) == peer_for(parties().alice)


def test_a_client_of_another_cluster_learns_that_it_is_refused() -> None:
    near = client_session(parties().stranger, expect=None)
    far = server_session(ServerContexts(parties().alice, lambda _: None))
    assert near.shake_hands() is None
    with pytest.raises(AuthenticationError):
        _ = far.shake_hands(near.channel.outgoing())
    with pytest.raises(AuthenticationError, match="another cluster"):
        _ = near.shake_hands(far.channel.outgoing())


def test_the_handshake_fits_well_into_what_a_stranger_may_send() -> None:
    near, far = met(parties().bob, parties().alice)
    assert near.allowance > HANDSHAKE_BYTES // 2
    assert far.allowance > HANDSHAKE_BYTES // 2


def test_messages_that_follow_the_welcome_at_once_are_kept() -> None:
    near, far = met(parties().runner, parties().alice)
    sent = b"".join(near.sealed(framed([b"one"]))) + b"".join(near.sealed(framed([b"two" * 50_000])))
    far.channel.feed(sent)
    assert far.next_message() == b"one"
    assert far.next_message() == b"two" * 50_000
    assert far.next_message() is None


def test_a_member_that_announces_too_much_loses_the_link() -> None:
    near, far = met(parties().bob, parties().alice)
    near.channel.write(memoryview(b"\x04\x00\x00\x01"))
    far.channel.feed(near.channel.outgoing())
    with pytest.raises(LinkClosed, match="67108865"):
        _ = far.next_message()


def test_a_flipped_bit_ends_the_link() -> None:
    near, far = met(parties().bob, parties().alice)
    sealed = bytearray(b"".join(near.sealed(framed([b"pay 10"]))))
    sealed[-1] ^= 1
    far.channel.feed(sealed)
    with pytest.raises(LinkClosed, match="broken"):
        _ = far.next_message()


def test_a_replayed_record_ends_the_link() -> None:
    near, far = met(parties().bob, parties().alice)
    sealed = b"".join(near.sealed(framed([b"pay 10"])))
    far.channel.feed(sealed)
    assert far.next_message() == b"pay 10"
    far.channel.feed(sealed)
    with pytest.raises(LinkClosed):
        _ = far.next_message()


def test_a_goodbye_is_understood() -> None:
    near, far = met(parties().bob, parties().alice)
    near.channel.say_goodbye()
    far.channel.feed(near.channel.outgoing())
    with pytest.raises(LinkClosed, match="closed the link"):
        _ = far.next_message()


def test_a_first_message_that_is_no_welcome_is_refused() -> None:
    near = client_session(parties().bob, expect=None)
    far = server_session(ServerContexts(parties().alice, lambda _: None))
    _ = near.shake_hands()
    _ = far.shake_hands(near.channel.outgoing())
    near.channel.feed(far.channel.outgoing())
    assert near.channel.shake_hands()
    near.channel.write(memoryview(b"\0\0\0\x05hello"))
    with pytest.raises(ConnectError, match="version"):
        _ = far.shake_hands(near.channel.outgoing())
