"""What a master and its followers say to each other about the log, and what is asked of the master."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from exo_core.election.messages import ElectionMessage
from exo_core.frozen import Count, Frozen
from exo_core.identifiers import Epoch, NodeId, Origin
from exo_core.state.commands import Command, CommandAccepted, CommandRefused
from exo_core.state.events import Entry, Offer

ENTRIES_PER_FRAME = 256
BYTES_PER_FRAME = 512 * 1024
"""Payload bytes after which a frame is full; a single larger entry goes alone."""
SNAPSHOT_PART_BYTES = 256 * 1024


class Probe(Frozen):
    """A point of the sender's log."""

    index: Count
    chain: bytes


class Replicate(Frozen):
    """Master to follower: after the entry `previous` come these; my log ends at `length`.

    Frames of one link are ordered by (epoch, link_sequence); an older one than the last is dropped, because one that
    was overtaken could cut what a later one brought. Without entries it only asks where the follower stands.
    """

    kind: Literal["replicate"] = "replicate"
    epoch: Epoch
    link_sequence: Count
    previous: Probe
    entries: tuple[Entry, ...]
    length: Count
    safe: Count
    settled: Count
    everywhere: Count
    """Entries up to here are on the disks of all members, also those that were not heard for long."""


class Replicated(Frozen):
    """Follower to master: my disk holds your log up to `length`."""

    kind: Literal["replicated"] = "replicated"
    epoch: Epoch
    length: Count


class Mismatch(Frozen):
    """Follower to master: I do not have `previous`. Points of my log at distances that double, the end first."""

    kind: Literal["mismatch"] = "mismatch"
    epoch: Epoch
    probes: tuple[Probe, ...]


class BehindSnapshot(Frozen):
    """Master to follower: what I have before the entries that I still hold is a snapshot; fetch one from any member.

    Follower to master: your snapshot would make me forget what mine sums up; fetch mine.
    """

    kind: Literal["behind_snapshot"] = "behind_snapshot"
    epoch: Epoch
    index: Count


class FetchSnapshot(Frozen):
    """To any member: give me your snapshot from byte `offset` on; 0 begins anew, with the newest there is."""

    kind: Literal["fetch_snapshot"] = "fetch_snapshot"
    offset: Count


class SnapshotPart(Frozen):
    """To whoever fetches: `data` from byte `offset` of the `total` bytes of the canonical `Snapshot` at `index`."""

    kind: Literal["snapshot_part"] = "snapshot_part"
    index: Count
    chain: bytes
    offset: Count
    total: Count
    data: bytes


class OfferFacts(Frozen):
    """Follower to master: facts that my log does not hold, in order for each origin.

    `past_gaps`: origins whose earlier facts this node has lost and cannot bring.
    """

    kind: Literal["offer_facts"] = "offer_facts"
    offers: tuple[Offer, ...]
    past_gaps: tuple[Origin, ...] = ()


class GapFound(Frozen):
    """Master to whoever offered: of this origin I need the fact `next_seq` first."""

    kind: Literal["gap_found"] = "gap_found"
    origin: Origin
    next_seq: Count


ReplicationMessage = (
    Replicate | Replicated | Mismatch | BehindSnapshot | FetchSnapshot | SnapshotPart | OfferFacts | GapFound
)
REPLICATION_MESSAGE: TypeAdapter[ReplicationMessage] = TypeAdapter(
    Annotated[ReplicationMessage, Field(discriminator="kind")]
)

Message = ElectionMessage | ReplicationMessage


class NotMaster(Frozen):
    """Ask somebody else; the master known here, if any."""

    kind: Literal["not_master"] = "not_master"
    master_id: NodeId | None


CommandReply = Annotated[CommandAccepted | CommandRefused | NotMaster, Field(discriminator="kind")]
COMMAND: TypeAdapter[Command] = TypeAdapter(Command)
COMMAND_REPLY: TypeAdapter[CommandReply] = TypeAdapter(CommandReply)
