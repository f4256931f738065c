"""What nodes say to each other to agree who leads, and that they live."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from exo_core.frozen import Count, Frozen, Int64
from exo_core.identifiers import BootId, Epoch, NodeId


class StateMark(Frozen):
    """What the first `index` entries, which end in `chain`, amount to here: SHA-256 of the canonical state."""

    index: Count
    chain: bytes
    hash: bytes


class LogMark(Frozen):
    """Where a node's log ends. `last_epoch` is of its last entry; `settled` is on all recent members' disks."""

    length: Count
    chain: bytes
    last_epoch: Epoch
    settled: Count
    safe: Count
    """Entries up to here are on enough disks, as far as this node knows."""
    everywhere: Count = 0
    """Entries up to here are on every member's disk, as far as this node knows."""
    state: StateMark | None = None


class Heard(Frozen):
    """How long ago somebody was heard, by the sender or by somebody it heard from."""

    node_id: NodeId
    age_ms: Count


class Heartbeat(Frozen):
    """I live, four times a second. `leads`: I am the master of `epoch`; otherwise I follow it, or nobody."""

    kind: Literal["heartbeat"] = "heartbeat"
    boot: BootId
    epoch: Epoch
    leads: bool
    follows: bool
    followers: Count
    """Of a master: live nodes that follow it, itself included (the live count)."""
    priority: Int64
    mark: LogMark
    reducers: str
    """Fingerprint of the reducers: state hashes are compared only between equal ones."""
    heard: tuple[Heard, ...] = ()


class Ballot(Frozen):
    """May I lead as `epoch`? `pre`: asked before any term is used up; `real` (majority): your word is durable."""

    kind: Literal["ballot"] = "ballot"
    phase: Literal["pre", "real"]
    epoch: Epoch
    priority: Int64
    mark: LogMark


class BallotAnswer(Frozen):
    """To a ballot of that phase and epoch. `highest` is the highest epoch known here; `reason` of a refusal."""

    kind: Literal["ballot_answer"] = "ballot_answer"
    phase: Literal["pre", "real"]
    epoch: Epoch
    granted: bool
    highest: Epoch
    reason: str = ""


class Fenced(Frozen):
    """What you sent is of a reign that is over. `epoch` is the present one, `followers` its live count if known."""

    kind: Literal["fenced"] = "fenced"
    epoch: Epoch
    followers: Count


class Rival(Frozen):
    """To one's own master: another master is heard here."""

    kind: Literal["rival"] = "rival"
    epoch: Epoch
    followers: Count


class Abdication(Frozen):
    """To one's followers: I yield to the master of `in_favour`."""

    kind: Literal["abdication"] = "abdication"
    epoch: Epoch
    in_favour: Epoch


class Farewell(Frozen):
    """This node stops now."""

    kind: Literal["farewell"] = "farewell"
    boot: BootId


ElectionMessage = Annotated[
    Heartbeat | Ballot | BallotAnswer | Fenced | Rival | Abdication | Farewell, Field(discriminator="kind")
]
ELECTION_MESSAGE: TypeAdapter[ElectionMessage] = TypeAdapter(ElectionMessage)
