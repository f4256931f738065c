"""The stage of an mlx-lm model: `exo_engine.stage.Stage` over a `PartialModel`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import cast, final

import mlx.core as mx

from exo_backend_mlx.activations import from_activation, to_activation
from exo_backend_mlx.evaluation import evaluate
from exo_backend_mlx.mlx_lm_facade.models import Cache
from exo_backend_mlx.partial_model import LayerRange, PartialModel
from exo_backend_mlx.sampling import Sampler, logprobs
from exo_backend_mlx.sequences import OpenSequence
from exo_engine.stage import Activation, TailOutput
from exo_engine.steps import Drawn, Open, Row, StageReport, Start

_LONG_ROW = 64
"""From this many tokens on the buffers of a pass are given back at once instead of being kept for the next one."""


@dataclass(frozen=True)
class StageFacts:
    """What a stage must know of its model besides the model."""

    layers: LayerRange
    hidden_size: int
    activation_type: str
    """What its hidden states are made of, in safetensors' words."""
    end_token_ids: frozenset[int]


@final
class MlxStage:
    """A contiguous range of an mlx-lm model's layers and their caches. Used by one thread."""

    def __init__(self, model: PartialModel, facts: StageFacts) -> None:
        self._model = model
        self._facts = facts
        self._open: dict[int, OpenSequence] = {}
        self._snapshots: dict[int, OpenSequence] = {}

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
        """Begin a sequence with empty caches."""
        if operation.sequence in self._open:
            message = f"sequence {operation.sequence} is open already"
            raise ValueError(message)
        if operation.start is not None:
            caches, length = self._started(operation.start)
        else:
            caches, length = self._model.caches(), 0
        own = caches[self._facts.layers.start : self._facts.layers.end]
        sampler = _sampler(operation, self._facts.end_token_ids) if self.is_last else None
        self._open[operation.sequence] = OpenSequence(operation, caches, own, sampler, length)

    def forward(self, rows: Sequence[Row], inputs: Sequence[int] | Activation) -> Activation | TailOutput:
        """Extend each row's sequence by its tokens; give hidden states, or on the last stage what was asked for."""
        received = self._received(rows, inputs)
        outputs: list[mx.array] = []
        draws: list[_Draw] = []
        at = 0
        for row in rows:
            sequence = self._sequence(row.sequence)
            sequence.check(row)
            part = received if len(rows) == 1 else received[:, at : at + row.count]
            at += row.count
            if not self.is_last or row.output != "token":
                outputs.append(self._model.hidden(part, sequence.caches))
            else:
                draws.append(self._draw(part, row, sequence))
            sequence.length += row.count
        result = self._drawn(draws, outputs) if self.is_last else _joined(outputs)
        if at >= _LONG_ROW:
            mx.clear_cache()
        return result

    def trim(self, sequence: int, length: int) -> None:
        """Forget positions from `length` on. Raises `ValueError` when this cache cannot."""
        self._sequence(sequence).trim(length)

    def snapshot(self, sequence: int, snapshot: int) -> None:
        """Keep a copy of the sequence's caches."""
        self._snapshots[snapshot] = self._sequence(sequence).snapshot()

    def evict(self, snapshot: int) -> None:
        """Drop a copy."""
        self._snapshots.pop(snapshot, None)

    def close(self, sequence: int, keep: int | None) -> None:
        """Free a sequence, or make it the snapshot `keep`."""
        closed = self._open.pop(sequence, None)
        if keep is not None and closed is not None:
            self._snapshots[keep] = closed

    def clear(self) -> None:
        """Drop all sequences and snapshots; keep the weights."""
        self._open.clear()
        self._snapshots.clear()
        mx.clear_cache()

    def lengths(self) -> Mapping[int, int]:
        """Tokens in the cache of each open sequence."""
        return {sequence: held.length for sequence, held in self._open.items()}

    def report(self) -> StageReport:
        """What it can give; nothing of it is measured yet."""
        own = self._model.caches()[self._facts.layers.start : self._facts.layers.end]
        return StageReport(trimmable=all(cache.is_trimmable() for cache in own))

    def _started(self, start: Start) -> tuple[list[Cache], int]:
        """The caches of a sequence that begins with a snapshot."""
        kept = self._snapshots.get(start.snapshot)
        if kept is None:
            message = f"there is no snapshot {start.snapshot}"
            raise ValueError(message)
        begun = kept if start.take else kept.snapshot()
        begun.trim(start.length)
        if start.take:
            del self._snapshots[start.snapshot]
        return begun.caches, begun.length

    def _sequence(self, sequence: int) -> OpenSequence:
        found = self._open.get(sequence)
        if found is None:
            message = f"sequence {sequence} is not open"
            raise ValueError(message)
        return found

    def _received(self, rows: Sequence[Row], inputs: Sequence[int] | Activation) -> mx.array:
        """Ids (1, tokens) or hidden states (1, tokens, hidden size) of all rows."""
        tokens = sum(row.count for row in rows)
        if isinstance(inputs, Activation) == self.is_first:
            message = "a first stage takes token ids, a later one hidden states"
            raise ValueError(message)
        if isinstance(inputs, Activation):
            return from_activation(inputs, tokens=tokens, hidden_size=self._facts.hidden_size)
        if len(inputs) != tokens:
            message = f"{len(inputs)} token ids were given for {tokens} tokens"
            raise ValueError(message)
        return mx.array([inputs if isinstance(inputs, list) else list(inputs)], mx.int32)

    def _draw(self, part: mx.array, row: Row, sequence: OpenSequence) -> _Draw:
        assert sequence.sampler is not None  # noqa: S101 — every sequence of the last stage has one
        logits = self._model.next_logits(part, sequence.caches)
        index = sequence.index_after(row)
        scores = sequence.sampler.scores(logits, sequence.generated_before(index))
        return _Draw(sequence, index, scores, sequence.sampler.draw(scores, index))

    def _drawn(self, draws: Sequence[_Draw], outputs: Sequence[mx.array]) -> TailOutput:
        evaluate([draw.token for draw in draws], outputs)
        return TailOutput(drawn=tuple(draw.result() for draw in draws))


@dataclass(frozen=True)
class _Draw:
    """A token about to be computed, a scalar, and the scores it is drawn from."""

    sequence: OpenSequence
    index: int
    scores: mx.array
    token: mx.array

    def result(self) -> Drawn:
        token_id = cast("int", self.token.item())
        self.sequence.note_drawn(self.index, token_id)
        wanted = self.sequence.sampler.wants_logprobs if self.sequence.sampler is not None else None
        if wanted is None:
            return Drawn(sequence=self.sequence.sequence, token_id=token_id)
        values = logprobs(self.scores)
        return Drawn(
            sequence=self.sequence.sequence,
            token_id=token_id,
            logprob=cast("float", values[token_id].item()),
            top=_most_likely(values, wanted),
        )


def _most_likely(values: mx.array, count: int) -> tuple[tuple[int, float], ...]:
    """The `count` largest of (vocabulary,) with their ids, largest first; impossible ones left out."""
    if count == 0:
        return ()
    order = mx.argsort(-values)[:count]
    ids, numbers = cast("list[int]", order.tolist()), cast("list[float]", values[order].tolist())
    return tuple((token_id, value) for token_id, value in zip(ids, numbers, strict=True) if value > -mx.inf)


def _joined(outputs: Sequence[mx.array]) -> Activation:
    hidden = outputs[0] if len(outputs) == 1 else mx.concatenate(list(outputs), axis=1)
    evaluate(hidden)
    return to_activation(hidden)


def _sampler(operation: Open, end_ids: Set[int]) -> Sampler:
    return Sampler(operation.sampling, choice=operation.choice, prompt_ids=operation.prompt_ids, end_ids=end_ids)
