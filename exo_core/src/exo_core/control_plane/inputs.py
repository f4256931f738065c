"""What happens to a participant, and what it wants done: the whole boundary of the sans-IO control plane."""

from __future__ import annotations

from dataclasses import dataclass

from exo_core.control_plane.ledger import Applied
from exo_core.control_plane.messages import CommandReply, Message
from exo_core.identifiers import Epoch, InstanceId, NodeId
from exo_core.placement import Placement
from exo_core.state.commands import Command
from exo_core.state.events import Fact, InstanceWaiting, NodeAlive, NodeDead
from exo_core.state.state import State


@dataclass(frozen=True)
class Received:
    """A message of a member arrived."""

    sender: NodeId
    message: Message


@dataclass(frozen=True)
class ReachableNow:
    """Who can be reached."""

    peers: frozenset[NodeId]


@dataclass(frozen=True)
class Tick:
    """A moment passed."""


@dataclass(frozen=True)
class Offered:
    """This node observed a fact. Answered by `Acknowledged`; a waiter of 0 wants no answer."""

    waiter: int
    fact: Fact


@dataclass(frozen=True)
class Commanded:
    """Somebody asks this node, as the master. Answered by `Decided`."""

    waiter: int
    command: Command


@dataclass(frozen=True)
class Place:
    """The master chose a place; ids are still to be given. `earlier`: placements whose runners may be kept."""

    instance_id: InstanceId
    placement: Placement
    earlier: tuple[Placement, ...]


Conclusion = NodeDead | NodeAlive | InstanceWaiting | Place


@dataclass(frozen=True)
class Concluded:
    """What this node, as the master of `epoch`, makes of it all; dropped when that reign is over."""

    epoch: Epoch
    facts: tuple[Fact, ...]
    conclusions: tuple[Conclusion, ...]


@dataclass(frozen=True)
class LossAccepted:
    """A person says that no machine with a sound log will come back: go on with what this one's still holds.

    `damage` is the sentence that told the person what is lost; another damage is not accepted by it.
    """

    damage: str


@dataclass(frozen=True)
class Leaves:
    """This node stops."""


Input = Received | ReachableNow | Tick | Offered | Commanded | Concluded | LossAccepted | Leaves


@dataclass(frozen=True)
class Outgoing:
    """Give a message to a peer; it may be lost."""

    to: NodeId
    message: Message


@dataclass(frozen=True)
class CutTo:
    """Entries after `length` left the log here."""

    length: int


@dataclass(frozen=True)
class Installed:
    """A snapshot took the place of the entries up to `index`; `state` is what the log amounts to now."""

    index: int
    state: State


@dataclass(frozen=True)
class Differs:
    """The state here differs at entry `index` from that of `peers`, who are right; worth keeping for whoever looks."""

    index: int
    peers: tuple[NodeId, ...]
    state: State


@dataclass(frozen=True)
class MasterIs:
    """Who leads, as this node knows."""

    master_id: NodeId | None
    epoch: Epoch


@dataclass(frozen=True)
class Acknowledged:
    """An offered fact is safe, at this index."""

    waiter: int
    index: int


@dataclass(frozen=True)
class Decided:
    """The answer to a command."""

    waiter: int
    reply: CommandReply


Output = Outgoing | Applied | CutTo | Installed | Differs | MasterIs | Acknowledged | Decided
