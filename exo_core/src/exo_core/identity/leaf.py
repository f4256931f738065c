"""Leaf certificates: how a node certifies itself and its runners, and how a certificate becomes a `Peer`.

Every leaf is issued by the authority directly. Since all members hold the authority's key, that alone proves
membership and nothing more. Who somebody is, is proven by one extension of ours, the *vouch*: the node's public key,
and the node's signature over (authority, role, the leaf's public key). For a node the leaf's key is the node's own;
for a runner it is a fresh key that the runner made and never showed, so a runner needs neither the node's key nor the
cluster's secret. Who holds the secret can mint new identities, but can speak neither as an existing node nor as one of
its runners.

The vouch is in the leaf, and not in a certificate above it, because `ssl` shows only the peer's leaf.
"""

from __future__ import annotations

import re

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from exo_core.errors import AuthenticationError
from exo_core.frozen import Frozen
from exo_core.identifiers import NodeId, RunnerId
from exo_core.identity.authority import (
    CLUSTER_SUFFIX,
    INVITATION_SUFFIX,
    Authority,
    blank_certificate,
    signing_usage,
)
from exo_core.identity.node_key import NodeKey, node_id_of
from exo_core.transports import Identity, Peer

VOUCH = x509.ObjectIdentifier("2.25.228479731930436813862372018291849301943")
"""Our extension: node public key (32 bytes), node's signature (64 bytes), role (UTF-8). Arc 2.25 needs no registry."""

RUNNER_PREFIX = "runner:"
_ROLES = {
    CLUSTER_SUFFIX: re.compile(r"node|runner:[!-~]{1,128}"),
    INVITATION_SUFFIX: re.compile(r"joiner|inviter"),
}
_COUNTERPARTS = {"joiner": frozenset({"inviter"}), "inviter": frozenset({"joiner"})}


class RunnerCertificate(Frozen):
    """What a node gives its runner over the pipe. It holds no secret: the runner has made its key itself."""

    node_id: NodeId
    runner_id: RunnerId
    certificate_pem: bytes
    authority_pem: bytes
    authority_name: str


def own_identity(authority: Authority, node_key: NodeKey, role: str) -> Identity:
    """A machine's identity under an authority: role `node` in a cluster, `joiner` or `inviter` under a join code."""
    certificate = _mint(authority, node_key, role, node_key.public)
    return Identity(
        node_id=node_key.node_id,
        role=role,
        certificate_chain_pem=certificate.public_bytes(Encoding.PEM),
        private_key_pem=node_key.pem,
        authority_pem=authority.pem,
        authority_name=authority.name,
        meeting_key=authority.meeting_key,
    )


def node_identity(authority: Authority, node_key: NodeKey) -> Identity:
    """A member node's identity."""
    return own_identity(authority, node_key, "node")


def certify_runner(
    authority: Authority, node_key: NodeKey, runner_id: RunnerId, runner_public_key: bytes
) -> RunnerCertificate:
    """Vouch for a runner of this node, whose raw public key (32 bytes) came over the pipe. Raises `ValueError`."""
    public = Ed25519PublicKey.from_public_bytes(runner_public_key)
    certificate = _mint(authority, node_key, RUNNER_PREFIX + runner_id, public)
    return RunnerCertificate(
        node_id=node_key.node_id,
        runner_id=runner_id,
        certificate_pem=certificate.public_bytes(Encoding.PEM),
        authority_pem=authority.pem,
        authority_name=authority.name,
    )


def runner_identity(certificate: RunnerCertificate, runner_key: Ed25519PrivateKey) -> Identity:
    """In the runner: its key and what its node certified make an identity."""
    return Identity(
        node_id=certificate.node_id,
        role=RUNNER_PREFIX + certificate.runner_id,
        certificate_chain_pem=certificate.certificate_pem,
        private_key_pem=runner_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        authority_pem=certificate.authority_pem,
        authority_name=certificate.authority_name,
    )


def peer_of(leaf_der: bytes, identity: Identity) -> Peer:
    """Who showed this leaf to `identity`: the one place where a certificate becomes a `Peer`.

    A transport calls it after the handshake has proven that the other side holds the leaf's key. Raises
    `AuthenticationError` when the leaf is not directly under `identity`'s authority, when its node does not vouch for
    it, or when its role has no business with ours (a joiner and an inviter speak to each other only, a member to
    members).
    """
    try:
        leaf = x509.load_der_x509_certificate(leaf_der)
        leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(identity.authority_pem))
        vouch = leaf.extensions.get_extension_for_oid(VOUCH).value
        key = leaf.public_key()
        if not isinstance(vouch, x509.UnrecognizedExtension) or not isinstance(key, Ed25519PublicKey):
            raise TypeError
        peer = _vouched(vouch.value, identity.authority_name, key)
    except (
        ValueError,
        TypeError,
        InvalidSignature,
        UnsupportedAlgorithm,
        x509.ExtensionNotFound,
        x509.DuplicateExtension,
    ) as problem:
        message = f"the other side's certificate does not prove who it is ({type(problem).__name__})"
        raise AuthenticationError(message) from problem
    if peer.role not in _COUNTERPARTS.get(identity.role, {peer.role}):
        message = f"a {peer.role} has no business with a {identity.role}"
        raise AuthenticationError(message)
    return peer


def _mint(authority: Authority, node_key: NodeKey, role: str, leaf_key: Ed25519PublicKey) -> x509.Certificate:
    if not _may_certify(authority.name, role):
        message = f"{authority.name} cannot certify the role {role!r}"
        raise ValueError(message)
    signature = node_key.private.sign(_statement(authority.name, role, leaf_key))
    vouch = node_key.public.public_bytes_raw() + signature + role.encode()
    return (
        blank_certificate(node_key.node_id, authority.name, leaf_key, x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(signing_usage(certificates=False), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
        .add_extension(x509.UnrecognizedExtension(VOUCH, vouch), critical=False)
        .sign(authority.key, algorithm=None)
    )


def _vouched(vouch: bytes, authority_name: str, leaf_key: Ed25519PublicKey) -> Peer:
    node_key = Ed25519PublicKey.from_public_bytes(vouch[:32])
    signature, role = vouch[32:96], vouch[96:].decode()
    node_key.verify(signature, _statement(authority_name, role, leaf_key))
    is_own_key = leaf_key.public_bytes_raw() == node_key.public_bytes_raw()
    if not _may_certify(authority_name, role) or is_own_key == role.startswith(RUNNER_PREFIX):
        raise ValueError
    return Peer(node_id=node_id_of(node_key), role=role)


def _may_certify(authority_name: str, role: str) -> bool:
    """A join code's token makes joiners and inviters, never members, whoever holds it."""
    return any(authority_name.endswith(suffix) and roles.fullmatch(role) for suffix, roles in _ROLES.items())


def _statement(authority_name: str, role: str, leaf_key: Ed25519PublicKey) -> bytes:
    return b"\0".join([b"exo/1 leaf", authority_name.encode(), role.encode(), leaf_key.public_bytes_raw()])
