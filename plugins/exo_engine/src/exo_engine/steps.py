"""The step stream: every operation that a stage does to its caches, decided by the head alone, in order.

The head sends one `Step` at a time down the ring, its operations ahead of the tensors; each stage executes it and
passes it on; the tail sends a `StepAnswer` back. Messages of an older generation are refused.
"""

from __future__ import annotations

from itertools import accumulate
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


class Start(Frozen):
    """Begin with the first `length` tokens of a snapshot's caches instead of with empty ones.

    `take`: the snapshot is used up, its caches become the sequence's without a copy. Else both share them until one
    writes. `length` below the snapshot's needs caches that can be trimmed.
    """

    snapshot: Count
    length: Count
    take: bool


class Open(Frozen):
    """A new sequence: its prompt, how it is sampled, and what of it was generated before (a replay or a requeue).

    Token i of the sequence is `prompt_ids + delivered + …`; the index of a drawn token in its choice is its position in
    the sequence minus len(prompt_ids).
    """

    op: Literal["open"] = "open"
    sequence: Count
    choice: Count
    sampling: Sampling
    prompt_ids: tuple[Count, ...]
    delivered: tuple[Count, ...] = ()
    start: Start | None = None


RowOutput = Literal["none", "token", "sum", "scores"]
"""What the last stage gives for a row.

- none: nothing; its caches grow (prefill).
- token: one token, drawn from what follows the last of the row's tokens.
- sum: the sum over the row's tokens of their hidden states after the final norm.
- scores: the logprob of each known token that follows one of the row's tokens. The ids are the sequence's
  `prompt_ids`; nothing is known to follow the last of them.
"""


class Row(Frozen):
    """`count` tokens of a sequence from `position` on.

    `allowed` restricts what a `token` row may draw: bit i % 8 of byte i // 8, least significant first, is set for
    token id i; ids beyond its end are forbidden.

    `drawn`: its one token is what was drawn last for the sequence; the head has not heard it yet, so it is not among
    the inputs. Only for a stage that is the whole model.
    """

    sequence: Count
    position: Count
    count: Count
    output: RowOutput = "none"
    allowed: bytes | None = None
    drawn: bool = False


class Forward(Frozen):
    """Run rows through the layers. Their activations follow, concatenated in this order.

    `exact`: places of rows whose activations are rounded on no link. Only stages that know of codecs know it; it is
    not sent where it is empty.
    """

    op: Literal["forward"] = "forward"
    rows: tuple[Row, ...]
    exact: Annotated[tuple[Count, ...], Field(exclude_if=lambda places: not places)] = ()

    @property
    def exact_tokens(self) -> list[int]:
        """Which of all its tokens, counted through its rows, belong to rows that are `exact`."""
        ends = list(accumulate(row.count for row in self.rows))
        return [at for place in self.exact for at in range(ends[place] - self.rows[place].count, ends[place])]


class Trim(Frozen):
    """Forget what a sequence's caches hold from position `length` on."""

    op: Literal["trim"] = "trim"
    sequence: Count
    length: Count


class Snapshot(Frozen):
    """Keep a sequence's caches as they are now under a name, for a later `Start`; shared until the sequence writes."""

    op: Literal["snapshot"] = "snapshot"
    sequence: Count
    snapshot: Count


class Evict(Frozen):
    """Drop a snapshot."""

    op: Literal["evict"] = "evict"
    snapshot: Count


class Close(Frozen):
    """A sequence is over; its caches are freed, or become the snapshot `keep` without a copy."""

    op: Literal["close"] = "close"
    sequence: Count
    keep: Count | None = None


class Limit(Frozen):
    """From here on the caches of the pipeline's `stage`-th stage take at most so many bytes, whoever grows."""

    op: Literal["limit"] = "limit"
    stage: Count
    cache_bytes: Count


Operation = Annotated[Open | Forward | Trim | Snapshot | Evict | Close | Limit, Field(discriminator="op")]


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


class HiddenSum(Frozen):
    """The answer to a `sum` row: `count` tokens' hidden states added up, little-endian float32."""

    sequence: Count
    count: Count
    values: bytes


class TokenScore(Frozen):
    """A known token's natural-log probability, and the most likely ones as (token id, logprob) in falling order."""

    token_id: Count
    logprob: float
    top: tuple[tuple[Count, float], ...] = ()


class Scored(Frozen):
    """The answer to a `scores` row: `tokens[i]` is the sequence's token at `position` + i."""

    sequence: Count
    position: Count
    tokens: tuple[TokenScore, ...]


class StageReport(Frozen):
    """What the head must know of a stage to schedule for it, said at the first step of every generation.

    Bytes are this stage's own. Seconds were measured at warm-up, sizes rising; empty: nothing was measured.
    """

    cache_bytes: Count | None = None
    """What all sequences and snapshots together may take; None: no limit is known."""
    bytes_per_token: Count = 0
    bytes_per_sequence: Count = 0
    """What a sequence takes whatever its length."""
    windows: tuple[tuple[Count, Count], ...] = ()
    """(tokens, bytes of each of a sequence's first so many), of caches that keep no more tokens than that."""
    trimmable: bool = False
    """Whether every cache can be cut at any length."""
    outputs: tuple[RowOutput, ...] = ("none", "token")
    """What a last stage can give for a row."""
    chunk_seconds: tuple[tuple[Count, float], ...] = ()
    """(tokens of one prompt, seconds)."""
    decode_seconds: tuple[tuple[Count, float], ...] = ()
    """(rows of one token, seconds)."""


class Resized(Frozen):
    """The caches of the pipeline's `stage`-th stage, counted from 0, may take another number of bytes from now on.

    A `Limit` says when they do.
    """

    stage: Count
    cache_bytes: Count


class StepAnswer(Frozen):
    """What the tail gave for a step, in the order of its rows; `error` says why the step failed instead.

    `seconds` is how long each stage computed, the first stage's first; `reports`, in the same order, comes with the
    first step of a generation, and `resized` with the first step after it was said to the stage. All are empty after an
    error.
    """

    generation: Generation
    number: Count
    drawn: tuple[Drawn, ...] = ()
    sums: tuple[HiddenSum, ...] = ()
    scored: tuple[Scored, ...] = ()
    seconds: tuple[float, ...] = ()
    reports: tuple[StageReport, ...] = ()
    resized: tuple[Resized, ...] = ()
    error: str | None = None
