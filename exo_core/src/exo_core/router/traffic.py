"""How many bytes went to each peer and came from it, over all links to it since this node started?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from exo_core.identifiers import NodeId
from exo_core.node_handle import LinkBytes


@dataclass
class PeerTraffic:
    """Of one peer; its connections add to it. What is carried for it as its relay counts too."""

    sent: int = 0
    received: int = 0


@final
class Traffic:
    """Of all peers. It only grows, whichever links come and go."""

    def __init__(self) -> None:
        self._peers: defaultdict[NodeId, PeerTraffic] = defaultdict(PeerTraffic)

    def of(self, node_id: NodeId) -> PeerTraffic:
        """That of a peer, to be added to."""
        return self._peers[node_id]

    @property
    def totals(self) -> Mapping[NodeId, LinkBytes]:
        """Up to now."""
        return {name: LinkBytes(sent=peer.sent, received=peer.received) for name, peer in self._peers.items()}
