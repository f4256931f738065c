"""The step stream: every operation that a stage does to its caches, decided by the head alone, in order.

The head sends one `Step` at a time down the ring, its operations ahead of the tensors; each stage executes it and
passes it on; the tail sends a `StepAnswer` back. Messages of an older generation are refused.
"""

from __future__ import annotations

from typing import Annotated, Literal, NewType

from pydantic import Field

from exo_core.frozen import Count, Frozen
from exo_core.requests import Sampling

SequenceId = NewType("SequenceId", int)
"""Drawn by the head, never used twice within a generation."""


class Generation(Frozen):
    """Compared in the order of its fields. The head draws a new one when a link broke."""

    placement_id: str
    start: Count
    n: Count


class Open(Frozen):
    """A new sequence: its prompt, how it is sampled, and what of it was generated before (a replay).

    Token i of the sequence is `prompt_ids + delivered + …`; the index of a drawn token in its choice is its position in
    the sequence minus len(prompt_ids).
    """

    op: Literal["open"] = "open"
    sequence: Count
    choice: Count
    sampling: Sampling
    prompt_ids: tuple[Count, ...]
    delivered: tuple[Count, ...] = ()


class Row(Frozen):
    """`count` tokens of a sequence from `position` on; `sample`: draw the token that follows the last of them."""

    sequence: Count
    position: Count
    count: Count
    sample: bool


class Forward(Frozen):
    """Run rows through the layers. Their activations follow, concatenated in this order."""

    op: Literal["forward"] = "forward"
    rows: tuple[Row, ...]


class Trim(Frozen):
    """Forget what a sequence's caches hold from position `length` on."""

    op: Literal["trim"] = "trim"
    sequence: Count
    length: Count


class Snapshot(Frozen):
    """Keep a copy of a sequence's caches under a name, for a later `Open` that starts alike."""

    op: Literal["snapshot"] = "snapshot"
    sequence: Count
    snapshot: Count


class Evict(Frozen):
    """Drop a snapshot."""

    op: Literal["evict"] = "evict"
    snapshot: Count


class Close(Frozen):
    """A sequence is over; its caches are freed."""

    op: Literal["close"] = "close"
    sequence: Count


Operation = Annotated[Open | Forward | Trim | Snapshot | Evict | Close, Field(discriminator="op")]


class Step(Frozen):
    """The `number`-th step of a generation (from 1, without gaps). At most one operation is `Forward`, the last."""

    generation: Generation
    number: Count
    operations: tuple[Operation, ...]


class Drawn(Frozen):
    """A token drawn by the tail. `top` is (token id, logprob) in falling order where asked for."""

    sequence: Count
    token_id: Count
    logprob: float | None = None
    top: tuple[tuple[Count, float], ...] = ()


class StepAnswer(Frozen):
    """What the tail drew in a step, in the order of the sampling rows; `error` says why the step failed instead."""

    generation: Generation
    number: Count
    drawn: tuple[Drawn, ...] = ()
    error: str | None = None
