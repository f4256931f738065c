"""The stage of an mlx-lm model: `exo_engine.stage.Stage` over a `PartialModel`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import mlx.core as mx

from exo_backend_mlx.activations import from_activation, to_activation
from exo_backend_mlx.cache_sizes import CacheSizes, cache_sizes
from exo_backend_mlx.evaluation import evaluate
from exo_backend_mlx.mlx_device import computes_on_cpu
from exo_backend_mlx.mlx_lm_facade.models import Cache
from exo_backend_mlx.partial_model import LayerRange, PartialModel
from exo_backend_mlx.passes import Member, Pass, divide, inputs_of, outputs_of, places_of
from exo_backend_mlx.prepared_work import PreparedWork
from exo_backend_mlx.sequence_caches import SequenceCaches
from exo_backend_mlx.sequences import OpenSequence
from exo_backend_mlx.slab_policy import SlabPolicy
from exo_backend_mlx.tail_work import TailWork, score_known
from exo_backend_mlx.token_inputs import token_ids
from exo_backend_mlx.unused_memory import after_a_long_pass, give_back
from exo_engine.stage import Activation, TailOutput
from exo_engine.steps import Open, Row, RowOutput, Scored, StageReport, Start, TokenScore

_LONG_PASS = 64
"""From this many tokens on a pass takes more memory than single tokens do."""
_SCORED_AT_ONCE = 64
"""Tokens whose logits over the whole vocabulary are held at once."""


@dataclass(frozen=True)
class StageFacts:
    """What a stage must know of its model besides the model."""

    layers: LayerRange
    hidden_size: int
    activation_type: str
    """What its hidden states are made of, in safetensors' words."""
    end_token_ids: frozenset[int]


@dataclass(frozen=True)
class Measured:
    """What a warm-up measured. Tables are (tokens or rows, seconds), sizes rising; empty: nobody asked for them."""

    sizes: CacheSizes
    chunk_seconds: tuple[tuple[int, float], ...] = ()
    decode_seconds: tuple[tuple[int, float], ...] = ()
    working_bytes: int | None = None
    """The most that passes took beyond the weights; None unless chunks of every size were among them."""


@final
class MlxStage:
    """A contiguous range of an mlx-lm model's layers and their caches. Used by one thread."""

    def __init__(self, model: PartialModel, facts: StageFacts) -> None:
        self._model = model
        self._facts = facts
        self.measured = Measured(CacheSizes(0, 0))
        """What the warm-up found."""
        self.cache_bytes: int | None = None
        """What all caches together may take; None: no limit is known."""
        self._own = slice(facts.layers.start, facts.layers.end)
        self._open: dict[int, OpenSequence] = {}
        self._snapshots: dict[int, SequenceCaches] = {}
        self._slabs = SlabPolicy()
        self._works_by_itself = not computes_on_cpu()

    @property
    def facts(self) -> StageFacts:
        """What it was made with."""
        return self._facts

    @property
    def is_first(self) -> bool:
        """Whether `forward` takes token ids."""
        return self._facts.layers.is_first

    @property
    def is_last(self) -> bool:
        """Whether `forward` draws."""
        return self._facts.layers.is_last

    def open(self, operation: Open) -> None:
        """Begin a sequence, with empty caches or with those of a snapshot."""
        if operation.sequence in self._open:
            message = f"sequence {operation.sequence} is open already"
            raise ValueError(message)
        caches = self._started(operation.start) if operation.start else SequenceCaches(self._model.caches(), self._own)
        self._open[operation.sequence] = OpenSequence(operation, caches, self._facts.end_token_ids)

    def forward(self, rows: Sequence[Row], inputs: Sequence[int] | Activation) -> Activation | TailOutput:
        """Extend each row's sequence by its tokens; give hidden states, or on the last stage what was asked for."""
        if self.is_last:
            return self._prepared(rows, inputs).finish()
        states = self._hidden(self._passes(rows), self._received(rows, inputs))
        if _is_long(rows):
            after_a_long_pass()
        return states

    @property
    def works_by_itself(self) -> bool:
        """Whether the device computes what was started meanwhile: a CPU's is handed over as it is computed."""
        return self._works_by_itself

    def prepare(self, rows: Sequence[Row], inputs: Sequence[int]) -> PreparedWork:
        """`forward` of a whole model, lazily."""
        return self._prepared(rows, inputs)

    def trim(self, sequence: int, length: int) -> None:
        """Forget positions from `length` on. Raises `ValueError` when this cache cannot."""
        self._sequence(sequence).caches.trim(length)

    def snapshot(self, sequence: int, snapshot: int) -> None:
        """Keep a copy of the sequence's caches, which shares their memory until either is written to."""
        self._snapshots[snapshot] = self._sequence(sequence).caches.copy()

    def evict(self, snapshot: int) -> None:
        """Drop a copy."""
        self._snapshots.pop(snapshot, None)
        if not self._open:
            give_back()

    def close(self, sequence: int, keep: int | None) -> None:
        """Free a sequence, or make its caches the snapshot `keep`."""
        if sequence in self._open:
            self._put_away(self._open.pop(sequence).caches, keep)
        self._slabs.forget_empty()
        if not self._open:
            give_back()

    def clear(self) -> None:
        """Drop all sequences and snapshots; keep the weights."""
        self._open.clear()
        self._snapshots.clear()
        self._slabs.clear()
        give_back()

    def lengths(self) -> Mapping[int, int]:
        """Tokens in the cache of each open sequence."""
        return {sequence: held.caches.length for sequence, held in self._open.items()}

    @property
    def held(self) -> str:
        """How many sequences are open, and how many of them lie in slabs; callable from any thread."""
        return f"{len(self._open)} sequences, {self._slabs.used} of them in slabs"

    def report(self) -> StageReport:
        """What the head must know of this stage."""
        empty = SequenceCaches(self._model.caches(), self._own)
        states: tuple[RowOutput, ...] = ("sum",) if self._model.gives_states else ()
        measured = self.measured
        return StageReport(
            cache_bytes=self.cache_bytes,
            bytes_per_token=measured.sizes.per_token,
            bytes_per_sequence=measured.sizes.per_sequence,
            windows=measured.sizes.windows,
            trimmable=empty.can_always_be_cut,
            outputs=("none", "token", *states, "scores"),
            chunk_seconds=measured.chunk_seconds,
            decode_seconds=measured.decode_seconds,
        )

    def cache_sizes(self, sequence: int) -> CacheSizes:
        """What the caches of a sequence take, which holds at least one token."""
        return cache_sizes(self._sequence(sequence).caches.layers)

    def _started(self, start: Start) -> SequenceCaches:
        kept = self._snapshots.get(start.snapshot)
        if kept is None:
            message = f"there is no snapshot {start.snapshot}"
            raise ValueError(message)
        begun = kept if start.take else kept.copy()
        begun.trim(start.length)
        if start.take:
            del self._snapshots[start.snapshot]
        return begun

    def _put_away(self, caches: SequenceCaches, keep: int | None) -> None:
        if keep is None:
            caches.leave()
        else:
            self._snapshots[keep] = caches.settle().compact()

    def _sequence(self, sequence: int) -> OpenSequence:
        found = self._open.get(sequence)
        if found is None:
            message = f"sequence {sequence} is not open"
            raise ValueError(message)
        return found

    def _received(self, rows: Sequence[Row], inputs: Sequence[int] | Activation) -> mx.array:
        """Ids (1, tokens) or hidden states (1, tokens, hidden size) of all rows."""
        if isinstance(inputs, Activation) == self.is_first:
            message = "a first stage takes token ids, a later one hidden states"
            raise ValueError(message)
        if isinstance(inputs, Activation):
            facts, tokens = self._facts, sum(row.count for row in rows)
            return from_activation(inputs, tokens=tokens, hidden_size=facts.hidden_size, computed=facts.activation_type)
        return token_ids(rows, inputs, [self._sequence(row.sequence) for row in rows])

    def _passes(self, rows: Sequence[Row]) -> list[Pass]:
        model = self._model
        return divide(
            self._members(rows),
            tokens_together=model.computes_rows_together,
            chunks_together=model.computes_chunks_together,
        )

    def _members(self, rows: Sequence[Row]) -> list[Member]:
        members: list[Member] = []
        at = 0
        for place, row in enumerate(rows):
            members.append(Member(place, at, row, self._sequence(row.sequence)))
            at += row.count
        return members

    def _hidden(self, passes: Sequence[Pass], received: mx.array) -> Activation:
        states = [self._model.hidden(inputs_of(members, received), self._extended(members)) for members in passes]
        joined = outputs_of(passes, states)
        evaluate(joined, [_left_behind(member) for members in passes for member in members])
        return to_activation(joined)

    def _prepared(self, rows: Sequence[Row], inputs: Sequence[int] | Activation) -> PreparedWork:
        work, received = TailWork(is_long=_is_long(rows)), self._received(rows, inputs)
        for members in self._passes(rows):
            self._compute(members, inputs_of(members, received), work)
            work.also([_left_behind(member) for member in members])
        return work.prepared()

    def _compute(self, members: Pass, inputs: mx.array, work: TailWork) -> None:
        match members[0].row.output:
            case "none" | "token":
                self._extend(members, inputs, work)
            case "sum":
                self._add_up(members, inputs, work)
            case "scores":
                work.scored(self._scored(members[0], inputs))

    def _extend(self, members: Pass, inputs: mx.array, work: TailWork) -> None:
        drawing = [member for member in members if member.row.output == "token"]
        caches = self._extended(members)
        if not drawing:
            self._model.hidden(inputs, caches)  # the caches alone are computed
        else:
            work.draw(self._model.next_logits(inputs, caches, _places_of_drawing(members)), drawing)

    def _add_up(self, members: Pass, inputs: mx.array, work: TailWork) -> None:
        if not self._model.gives_states:
            message = "this architecture's final states are not known, so they cannot be added up"
            raise ValueError(message)
        states = mx.reshape(self._model.hidden(inputs, self._extended(members)), (-1, self._facts.hidden_size))
        for member, places in zip(members, places_of(members), strict=True):
            work.add_up(states[places.start : places.stop], member.row)

    def _scored(self, member: Member, inputs: mx.array) -> Scored:
        row, caches = member.row, self._extended([member])
        tokens: list[TokenScore] = []
        for at in range(0, row.count, _SCORED_AT_ONCE):
            logits = self._model.logits(inputs[:, at : at + _SCORED_AT_ONCE], caches)
            tokens.extend(score_known(logits[0], row.position + at, member.sequence))
        return Scored(sequence=row.sequence, position=row.position + 1, tokens=tuple(tokens))

    def _extended(self, members: Pass) -> list[Cache]:
        """The caches of a pass about to be computed. Raises `ValueError` unless its rows go on where they end."""
        held = [member.sequence.caches for member in members]
        for member in members:
            member.sequence.check(member.row)
        caches = held[0].settle().all if len(held) == 1 else self._caches_of_rows(members)
        for member in members:
            member.sequence.caches.length += member.row.count
        return caches

    def _caches_of_rows(self, members: Pass) -> list[Cache]:
        held = [member.sequence.caches for member in members]
        if self._model.lays_rows_in_slabs:
            self._slabs.arrange([member.sequence.caches for member in members if member.decodes])
        for member in members:
            if not member.decodes:
                member.sequence.caches.settle()
        return self._model.caches_of_rows(held, [member.row.count for member in members])


def _is_long(rows: Sequence[Row]) -> bool:
    return sum(row.count for row in rows) >= _LONG_PASS


def _places_of_drawing(members: Pass) -> list[int] | None:
    """In a pass of several rows the places of the tokens that others are drawn after; None: all, or of one row."""
    if len(members) == 1 or all(member.decodes for member in members):
        return None
    pairs = zip(members, places_of(members), strict=True)
    return [places[-1] for member, places in pairs if member.row.output == "token"]


def _left_behind(member: Member) -> list[object]:
    """What is to be computed of a sequence's caches besides the result of a pass, which is not computed yet.

    After several tokens they hold no more than is counted: all that a chunk leaves in windows would stay until the
    sequence's next turn.
    """
    caches = member.sequence.caches
    left = caches.compacted() if member.row.count > 1 else []
    return [*left, *(caches.arrays if member.row.output == "none" else caches.lingering)]
