"""Of two histories that a snapshot parts, which gives way? The one that loses nothing by it.

What every member held is not kept fact by fact once a snapshot sums it up. Should a member lose its disk and lead all
the same (a person accepted the loss, or it was alone), its log is the shorter one, and who follows it could not bring
what the snapshot sums up. So a snapshot is never taken over by a node that would forget a fact.

| this node | on                                                   | does                                           |
|-----------|------------------------------------------------------|------------------------------------------------|
| follows   | the master's snapshot would make it forget           | tells the master that it is behind             |
| follows   | is told, in the same reign, to fetch it once more    | tells it again, and people that they are apart |
| leads     | a follower says that this node is behind             | gives way: leads no more, fetches its snapshot |
| leads     | the same, but its snapshot would make it forget, too | goes on: each has what the other lacks         |
| gives way | the other's snapshot is installed                    | may lead again                                 |
| gives way | the other is gone                                    | may lead again                                 |
"""

from __future__ import annotations

from typing import final

from exo_core.identifiers import NO_EPOCH, Epoch, NodeId


@final
class GivingWay:
    """One node's. `to` is whose snapshot this node must have before it leads again."""

    def __init__(self) -> None:
        self.to: NodeId | None = None
        self._refused_in = NO_EPOCH
        self._apart_from: set[NodeId] = set()

    def begin(self, to: NodeId) -> bool:
        """A follower says that this master is behind it; False when nothing is to be had from it."""
        if to in self._apart_from:
            return False
        self.to = to
        return True

    def over(self) -> None:
        """What was needed is here, or not to be had."""
        self.to = None

    def apart(self, peer: NodeId) -> None:
        """Neither can take over the other's history."""
        self._apart_from.add(peer)
        self.to = None

    def refuse(self, epoch: Epoch) -> None:
        """The snapshot of that reign's master is not taken."""
        self._refused_in = epoch

    def has_refused(self, epoch: Epoch) -> bool:
        """Whether that was so."""
        return self._refused_in == epoch != NO_EPOCH
