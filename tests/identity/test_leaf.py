"""A certificate becomes a peer only if the authority issued it and the node itself vouches for it."""

from __future__ import annotations

from typing import cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from exo_core.errors import AuthenticationError
from exo_core.identifiers import NodeId, RunnerId
from exo_core.identity.authority import CLUSTER_SUFFIX, Authority, blank_certificate
from exo_core.identity.join_code import JoinCode
from exo_core.identity.leaf import VOUCH, certify_runner, node_identity, own_identity, peer_of, runner_identity
from exo_core.identity.node_key import NodeKey
from exo_core.identity.secret import ClusterSecret
from exo_core.transports import Identity, Peer

SECRET = ClusterSecret.generate()
KEY = NodeKey.generate()
OURS = node_identity(SECRET.authority, NodeKey.generate())


def leaf_of(identity: Identity) -> bytes:
    return x509.load_pem_x509_certificate(identity.certificate_chain_pem).public_bytes(Encoding.DER)


def vouch_of(identity: Identity) -> bytes:
    leaf = x509.load_pem_x509_certificate(identity.certificate_chain_pem)
    return cast("x509.UnrecognizedExtension", leaf.extensions.get_extension_for_oid(VOUCH).value).value


def forged(vouch: bytes, key: Ed25519PrivateKey, authority: Authority = SECRET.authority) -> bytes:
    """A leaf that whoever holds the secret can make."""
    return (
        blank_certificate("x", authority.name, key.public_key(), 1)
        .add_extension(x509.UnrecognizedExtension(VOUCH, vouch), critical=False)
        .sign(authority.key, algorithm=None)
        .public_bytes(Encoding.DER)
    )


def with_a_key_of_another_kind(leaf: bytes, authority: Authority) -> bytes:
    """The same leaf, issued for a key of a kind that nobody knows."""
    ed25519 = bytes.fromhex("300506032b6570032100")
    body = x509.load_der_x509_certificate(leaf).tbs_certificate_bytes
    unknown = body.replace(ed25519, ed25519.replace(b"\x65\x70", b"\x65\x7f"))
    assert unknown != body
    return leaf.replace(body, unknown)[:-64] + authority.key.sign(unknown)


def runner_of(key: NodeKey, name: str = "r1") -> Identity:
    own = Ed25519PrivateKey.generate()
    certificate = certify_runner(SECRET.authority, key, RunnerId(name), own.public_key().public_bytes_raw())
    return runner_identity(certificate, own)


def test_a_member_is_recognised() -> None:
    assert peer_of(leaf_of(node_identity(SECRET.authority, KEY)), OURS) == Peer(node_id=KEY.node_id, role="node")


def test_a_runner_is_its_nodes_and_has_a_key_of_its_own() -> None:
    runner = runner_of(KEY)
    assert peer_of(leaf_of(runner), OURS) == Peer(node_id=KEY.node_id, role="runner:r1")
    assert KEY.pem not in runner.private_key_pem
    assert KEY.pem not in runner.certificate_chain_pem


def test_a_key_of_an_unknown_kind_proves_nothing() -> None:
    leaf = with_a_key_of_another_kind(leaf_of(node_identity(SECRET.authority, KEY)), SECRET.authority)
    with pytest.raises(AuthenticationError, match="UnsupportedAlgorithm"):
        _ = peer_of(leaf, OURS)


def test_a_node_of_another_cluster_is_nobody() -> None:
    stranger = node_identity(ClusterSecret.generate().authority, KEY)
    with pytest.raises(AuthenticationError):
        _ = peer_of(leaf_of(stranger), OURS)


def test_holding_the_secret_does_not_let_anyone_speak_as_an_existing_node() -> None:
    vouch = vouch_of(node_identity(SECRET.authority, KEY))
    with pytest.raises(AuthenticationError):
        _ = peer_of(forged(vouch, Ed25519PrivateKey.generate()), OURS)


def test_holding_the_secret_does_not_let_anyone_speak_as_another_nodes_runner() -> None:
    own = Ed25519PrivateKey.generate()
    certificate = certify_runner(
        SECRET.authority, NodeKey.generate(), RunnerId("r1"), own.public_key().public_bytes_raw()
    )
    vouch = KEY.public.public_bytes_raw() + vouch_of(runner_identity(certificate, own))[32:]
    with pytest.raises(AuthenticationError):
        _ = peer_of(forged(vouch, own), OURS)


def test_a_runner_cannot_turn_its_leaf_into_another_role() -> None:
    own = Ed25519PrivateKey.generate()
    certificate = certify_runner(SECRET.authority, KEY, RunnerId("r1"), own.public_key().public_bytes_raw())
    vouch = vouch_of(runner_identity(certificate, own))
    for role in (b"node", b"runner:r2", b""):
        with pytest.raises(AuthenticationError):
            _ = peer_of(forged(vouch[:96] + role, own), OURS)


def test_a_vouch_from_one_cluster_is_worth_nothing_in_another() -> None:
    other = ClusterSecret.generate().authority
    vouch = vouch_of(node_identity(other, KEY))
    with pytest.raises(AuthenticationError):
        _ = peer_of(forged(vouch, KEY.private), OURS)


def test_a_leaf_without_a_vouch_proves_nothing() -> None:
    bare = blank_certificate("x", SECRET.authority.name, KEY.public, 1).sign(SECRET.authority.key, algorithm=None)
    with pytest.raises(AuthenticationError):
        _ = peer_of(bare.public_bytes(Encoding.DER), OURS)


@pytest.mark.parametrize("garbage", [b"", b"\x30\x00", b"\xff" * 300])
def test_garbage_is_no_certificate(garbage: bytes) -> None:
    with pytest.raises(AuthenticationError):
        _ = peer_of(garbage, OURS)


@pytest.mark.parametrize("vouch", [b"", b"\0" * 32, b"\0" * 96 + b"node", b"\xff" * 200])
def test_a_broken_vouch_proves_nothing(vouch: bytes) -> None:
    with pytest.raises(AuthenticationError):
        _ = peer_of(forged(vouch, KEY.private), OURS)


def test_whoever_holds_a_join_code_cannot_become_a_member_by_it() -> None:
    code = JoinCode.new(tickets=(), authority=SECRET.authority, expires_at=0)
    with pytest.raises(ValueError, match="cannot certify"):
        _ = own_identity(code.authority, KEY, "node")
    intermediate = Authority(name="a" * 16 + CLUSTER_SUFFIX, certificate=code.authority.certificate, key=KEY.private)
    inviter = own_identity(code.authority, NodeKey.generate(), "inviter")
    with pytest.raises(AuthenticationError):
        _ = peer_of(leaf_of(node_identity(intermediate, KEY)), inviter)


def test_joiners_and_inviters_meet_only_each_other() -> None:
    code = JoinCode.new(tickets=(), authority=SECRET.authority, expires_at=0)
    joiner, inviter = code.joiner(KEY), own_identity(code.authority, NodeKey.generate(), "inviter")
    assert peer_of(leaf_of(joiner), inviter) == Peer(node_id=KEY.node_id, role="joiner")
    assert peer_of(leaf_of(inviter), joiner).role == "inviter"
    with pytest.raises(AuthenticationError, match="no business"):
        _ = peer_of(leaf_of(joiner), joiner)


@pytest.mark.parametrize("runner_id", ["", "a b", "é", "x" * 129, "a\0"])
def test_a_runner_id_that_cannot_be_certified_is_refused(runner_id: str) -> None:
    with pytest.raises(ValueError, match="cannot certify"):
        _ = runner_of(KEY, runner_id)


def test_the_identity_shows_no_key() -> None:
    identity = node_identity(SECRET.authority, KEY)
    assert repr(identity) == f"Identity({NodeId(KEY.node_id)} node under {SECRET.authority.name})"
