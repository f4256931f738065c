"""Who meets whom in tests of transports: members of a cluster, a runner, a stranger, and holders of a join code."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exo_core.identifiers import RunnerId
from exo_core.identity.join_code import JoinCode
from exo_core.identity.leaf import certify_runner, node_identity, own_identity, runner_identity
from exo_core.identity.node_key import NodeKey
from exo_core.identity.secret import ClusterSecret
from exo_core.transports import Identity, Peer


@dataclass(frozen=True, kw_only=True)
class Parties:
    """`alice` and `bob` are nodes of one cluster, `runner` is bob's; `stranger` is a node of another cluster.

    `inviter` (alice's machine) and `joiner` (the stranger's) hold one join code, `late_joiner` one that nobody knows.
    """

    alice: Identity
    bob: Identity
    runner: Identity
    stranger: Identity
    inviter: Identity
    joiner: Identity
    late_joiner: Identity


@cache
def parties() -> Parties:
    """The same for all tests of a process: keys are the slow part."""
    cluster, other_cluster = ClusterSecret.generate().authority, ClusterSecret.generate().authority
    alice, bob, stranger = NodeKey.generate(), NodeKey.generate(), NodeKey.generate()
    runner_key = Ed25519PrivateKey.generate()
    certificate = certify_runner(cluster, bob, RunnerId("runner-1"), runner_key.public_key().public_bytes_raw())
    code, unknown_code = (JoinCode.new(tickets=(), authority=cluster, expires_at=0) for _ in range(2))
    return Parties(
        alice=node_identity(cluster, alice),
        bob=node_identity(cluster, bob),
        runner=runner_identity(certificate, runner_key),
        stranger=node_identity(other_cluster, stranger),
        inviter=own_identity(code.authority, alice, "inviter"),
        joiner=code.joiner(stranger),
        late_joiner=unknown_code.joiner(stranger),
    )


def peer_for(identity: Identity) -> Peer:
    """How others must see this identity."""
    return Peer(node_id=identity.node_id, role=identity.role)
