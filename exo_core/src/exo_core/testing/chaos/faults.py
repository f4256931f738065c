"""What is wrong with a network right now, as data: who is hit, and what happens to their messages. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, final

from pydantic import Field

from exo_core.frozen import Frozen
from exo_core.identifiers import NodeId
from exo_core.transports import Peer

LinkKind = Literal["node", "runner"]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@final
class Fault(Frozen):
    """One thing that is wrong in one direction. `source` and `target` None: whoever; `links` None: links of both kinds.

    `delay_s` and up to `jitter_s` more: how much later each message arrives; the order stays. `bytes_per_s`: how much
    one process can send at most. `drop`: the chance of each message to be lost; since a link is reliable, one that
    loses a message dies instead of going on without it. `cut`: links die and none can be made. `blackhole`: nothing
    arrives, not even that a link has died; what was sent arrives when the fault is lifted, if the link still lives.
    """

    source: NodeId | None = None
    target: NodeId | None = None
    links: LinkKind | None = None
    delay_s: Seconds = 0.0
    jitter_s: Seconds = 0.0
    bytes_per_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    drop: Annotated[float, Field(ge=0, le=1)] = 0.0
    cut: bool = False
    blackhole: bool = False

    def hits(self, source: NodeId, target: NodeId, links: LinkKind) -> bool:
        """Whether it is about messages from `source` to `target` on such links."""
        return self.source in (None, source) and self.target in (None, target) and self.links in (None, links)


@final
class Faults(Frozen):
    """All that is wrong."""

    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Weather:
    """What one direction of a link has to go through: its faults taken together."""

    delay_s: float = 0.0
    jitter_s: float = 0.0
    bytes_per_s: float | None = None
    drop: float = 0.0
    cut: bool = False
    blackhole: bool = False


FINE = Weather()


def weather(faults: Sequence[Fault], source: NodeId, target: NodeId, links: LinkKind) -> Weather:
    """Delays add up; the slowest speed and the worst chance count."""
    hits = [fault for fault in faults if fault.hits(source, target, links)]
    if not hits:
        return FINE
    return Weather(
        delay_s=sum(fault.delay_s for fault in hits),
        jitter_s=sum(fault.jitter_s for fault in hits),
        bytes_per_s=min((fault.bytes_per_s for fault in hits if fault.bytes_per_s is not None), default=None),
        drop=max(fault.drop for fault in hits),
        cut=any(fault.cut for fault in hits),
        blackhole=any(fault.blackhole for fault in hits),
    )


def link_kind(one: str, other: str) -> LinkKind:
    """Of a link between parties with these roles: a runner's, or only nodes'."""
    return "runner" if "runner" in (one.partition(":")[0], other.partition(":")[0]) else "node"


@dataclass(frozen=True)
class Direction:
    """From whom to whom, on which kind of link."""

    source: NodeId
    target: NodeId
    links: LinkKind


def directions(own: Peer, other: Peer) -> tuple[Direction, Direction]:
    """Outgoing and incoming, of a link between us and another party."""
    links = link_kind(own.role, other.role)
    return Direction(own.node_id, other.node_id, links), Direction(other.node_id, own.node_id, links)
