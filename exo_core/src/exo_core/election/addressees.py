"""To whom a heartbeat goes: a star around the master, and a little gossip."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from exo_core.clock import Rng
from exo_core.identifiers import NodeId

GOSSIP_PEERS = 3


def addressees(peers: Collection[NodeId], master_id: NodeId | None, me: NodeId, rng: Rng) -> Sequence[NodeId]:
    """A follower tells its master and three others; the master, and whoever seeks one, tells all."""
    everybody = sorted(peers)
    if master_id in (None, me) or len(everybody) <= GOSSIP_PEERS + 1:
        return everybody
    others = [peer for peer in everybody if peer != master_id]
    chosen = [others.pop(int(rng.random() * len(others))) for _ in range(GOSSIP_PEERS)]
    return [peer for peer in everybody if peer == master_id] + chosen
