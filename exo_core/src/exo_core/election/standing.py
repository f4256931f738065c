"""What the election must know of this node at the moment it is asked, and what it tells its caller to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from exo_core.election.messages import ElectionMessage, LogMark
from exo_core.identifiers import BootId, Epoch, NodeId


@dataclass(frozen=True, kw_only=True)
class Standing:
    """This node, its log and the cluster as its log says.

    `members` are all members, this node included if it is one; `peers` everybody to talk to (members and reachable
    nodes, without this node), `left` former members, who are nobody's master here. `may_lead` is False for a node that
    has not received the log yet. `is_whole` is False while entries that this node once had, and so may have made final,
    are lost and not fetched again.
    """

    members: frozenset[NodeId]
    peers: frozenset[NodeId]
    consistency: Literal["availability", "majority"]
    priority: int
    mark: LogMark
    reducers: str
    may_lead: bool
    is_whole: bool = True
    left: frozenset[NodeId] = frozenset()


class EpochStore(Protocol):
    """Where the highest epoch is kept; `EventLog` is one."""

    @property
    def epoch(self) -> Epoch:
        """The highest epoch ever accepted."""
        ...

    def set_epoch(self, epoch: Epoch) -> None:
        """Durable before it returns."""
        ...


@dataclass(frozen=True, kw_only=True)
class Myself:
    """Who this node is."""

    node_id: NodeId
    boot: BootId


@dataclass(frozen=True)
class Send:
    """Give this message to that peer; it may be lost."""

    to: NodeId
    message: ElectionMessage


@dataclass(frozen=True)
class MasterChanged:
    """This node now follows `master_id` (itself: it leads; None: nobody) in `epoch`."""

    master_id: NodeId | None
    epoch: Epoch


ElectionAction = Send | MasterChanged
