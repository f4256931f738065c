"""A model of integer arithmetic that depends on every token before, as attention does, and can be cut at any layer.

Each layer keeps, per sequence, a running sum over positions: lose one token, compute one twice or mix two sequences up,
and every later token changes. Hidden states are one float32 per token, whole numbers below 65521.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Literal, final

from exo_engine.keyed_random import uniform
from exo_engine.stage import Activation, TailOutput
from exo_engine.steps import Drawn, HiddenSum, Open, Row, Scored, StageReport, Start, TokenScore
from exo_engine.testing.byte_tokenizer import EOS

_MODULUS = 65521
_Sums = dict[int, list[int]]
"""Layer to the running sum after each position."""


@final
class ArithmeticStage:
    """Layers start … end - 1 of `layers`.

    `failures`: how many of the next forwards raise; `late_failures`: how many prepared ones do when they are finished.
    `poison`: a token id; forwards raise that have a row of a sequence with it in its prompt. `late_poison`: the same,
    but the oldest prepared one raises, whose rows they may not be, when it is finished. `most_rows`: forwards of
    more raise, and are counted in `too_large`.

    `tokens` is what may be drawn. It raises when sequences and snapshots together take more than `cache_bytes`, that is
    at first what was `told`, and when it is to trim though `told.trimmable` is False.
    """

    def __init__(
        self,
        *,
        start: int,
        end: int,
        layers: int,
        tokens: Sequence[int] = range(EOS),
        told: StageReport | None = None,
    ) -> None:
        self._layers = range(start, end)
        self.is_first = start == 0
        self.is_last = end == layers
        self.failures = 0
        self.late_failures = 0
        self.by_itself = False
        self.happened: list[Literal["prepared", "started", "finished"]] = []
        """To forwards that were prepared."""
        self.poison: int | None = None
        self.late_poison: int | None = None
        self.is_poisoned = False
        self.most_rows: int | None = None
        self.too_large = 0
        self.rows_seen: list[Row] = []
        self._tokens = tokens
        self._report = told or StageReport(trimmable=True, outputs=("none", "token", "sum", "scores"))
        self.cache_bytes = self._report.cache_bytes
        self._opened: dict[int, Open] = {}
        self._sums: dict[int, _Sums] = {}
        self._snapshots: dict[int, _Sums] = {}
        self._drawn: dict[int, int] = {}
        """What was drawn last for each sequence."""

    def open(self, operation: Open) -> None:
        """Begin a sequence."""
        if operation.sequence in self._opened:
            message = f"sequence {operation.sequence} is open already"
            raise ValueError(message)
        self._sums[operation.sequence] = (
            {layer: [] for layer in self._layers} if operation.start is None else self._started(operation.start)
        )
        self._opened[operation.sequence] = operation
        self.check_bytes()

    def forward(self, rows: Sequence[Row], inputs: Sequence[int] | Activation) -> Activation | TailOutput:
        """Extend the rows' sequences."""
        if self.failures:
            self.failures -= 1
            message = "a failure that was asked for"
            raise RuntimeError(message)
        if any(self.poison in self._opened[row.sequence].prompt_ids for row in rows):
            message = "a forward with poison in it"
            raise RuntimeError(message)
        if self.most_rows is not None and len(rows) > self.most_rows:
            self.too_large += 1
            message = f"no memory for {len(rows)} rows"
            raise MemoryError(message)
        hidden = _unpack(inputs) if isinstance(inputs, Activation) else self._embedded(rows, inputs)
        self.rows_seen.extend(rows)
        parts: list[list[int]] = []
        at = 0
        for row in rows:
            parts.append(self._extend(row, hidden[at : at + row.count]))
            at += row.count
        self.check_bytes()
        if self.is_last:
            return self._output(rows, parts)
        passed = [value for part in parts for value in part]
        return Activation("F32", (len(passed), 1), struct.pack(f"<{len(passed)}f", *passed))

    @property
    def works_by_itself(self) -> bool:
        """Whether starting returns at once, as it was told."""
        return self.by_itself

    def prepare(self, rows: Sequence[Row], inputs: Sequence[int]) -> PreparedArithmetic:
        """A forward, whose result is kept back."""
        output = self.forward(rows, inputs)
        self.is_poisoned |= any(self.late_poison in self._opened[row.sequence].prompt_ids for row in rows)
        assert isinstance(output, TailOutput)  # it is the whole model
        self.happened.append("prepared")
        return PreparedArithmetic(self, output)

    def trim(self, sequence: int, length: int) -> None:
        """Forget positions from `length` on."""
        self._trim(self._sums[sequence], length)

    def snapshot(self, sequence: int, snapshot: int) -> None:
        """Keep a copy."""
        self._snapshots[snapshot] = _copy(self._sums[sequence])
        self.check_bytes()

    def evict(self, snapshot: int) -> None:
        """Drop a copy."""
        del self._snapshots[snapshot]

    def close(self, sequence: int, keep: int | None) -> None:
        """Free a sequence, or keep what it was."""
        sums = self._sums.pop(sequence)
        del self._opened[sequence]
        if keep is not None:
            self._snapshots[keep] = sums

    def clear(self) -> None:
        """Drop everything."""
        self.is_poisoned = False
        self._opened.clear()
        self._drawn.clear()
        self._sums.clear()
        self._snapshots.clear()

    def lengths(self) -> Mapping[int, int]:
        """Tokens per sequence."""
        return {sequence: _length(sums) for sequence, sums in self._sums.items()}

    def report(self) -> StageReport:
        """What it was told to say."""
        return self._report

    @property
    def snapshots(self) -> Mapping[int, int]:
        """Tokens per snapshot."""
        return {snapshot: _length(sums) for snapshot, sums in self._snapshots.items()}

    @property
    def used_bytes(self) -> int:
        """What its sequences and snapshots take, none of it shared."""
        report, lengths = self._report, [*self.lengths().values(), *self.snapshots.values()]
        in_windows = sum(min(length, window) * each for length in lengths for window, each in report.windows)
        return sum(lengths) * report.bytes_per_token + len(lengths) * report.bytes_per_sequence + in_windows

    def check_bytes(self) -> None:
        """Raise `MemoryError` if they take too many."""
        if self.cache_bytes is not None and self.used_bytes > self.cache_bytes:
            message = f"{self.used_bytes} bytes of caches where {self.cache_bytes} are allowed"
            raise MemoryError(message)

    def _embedded(self, rows: Sequence[Row], inputs: Sequence[int]) -> list[int]:
        known = iter(inputs)
        return [(self._drawn[row.sequence] if row.drawn else next(known)) + 1 for row in rows for _ in range(row.count)]

    def _started(self, start: Start) -> _Sums:
        kept = self._snapshots.pop(start.snapshot) if start.take else self._snapshots[start.snapshot]
        sums = _copy(kept)
        self._trim(sums, start.length)
        return sums

    def _trim(self, sums: _Sums, length: int) -> None:
        surplus = _length(sums) - length
        if surplus < 0 or (surplus and not self._report.trimmable):
            message = f"caches of {_length(sums)} tokens cannot be cut to {length}"
            raise ValueError(message)
        for layer in sums.values():
            del layer[length:]

    def _extend(self, row: Row, hidden: list[int]) -> list[int]:
        for layer, sums in self._sums[row.sequence].items():
            if len(sums) != row.position:
                message = f"row at {row.position} of a sequence of {len(sums)} tokens"
                raise ValueError(message)
            for at, value in enumerate(hidden):
                total = ((sums[-1] if sums else layer) * 31 + value) % _MODULUS
                sums.append(total)
                hidden[at] = (value * (2 * layer + 3) + total) % _MODULUS
        return hidden

    def _output(self, rows: Sequence[Row], parts: Sequence[Sequence[int]]) -> TailOutput:
        pairs = list(zip(rows, parts, strict=True))
        return TailOutput(
            drawn=tuple(self._draw(row, hidden[-1]) for row, hidden in pairs if row.output == "token"),
            sums=tuple(_sum(row, hidden) for row, hidden in pairs if row.output == "sum"),
            scored=tuple(self._score(row, hidden) for row, hidden in pairs if row.output == "scores"),
        )

    def _draw(self, row: Row, hidden: int) -> Drawn:
        opened = self._opened[row.sequence]
        shift = 0
        if opened.sampling.temperature:
            index = row.position + row.count - len(opened.prompt_ids)
            shift = int(uniform(opened.sampling.seed, opened.choice, index) * len(self._tokens))
        tokens = self._tokens if row.allowed is None else [id_ for id_ in self._tokens if _is_set(row.allowed, id_)]
        token_id = self._drawn[row.sequence] = tokens[(hidden * 7919 + shift) % len(tokens)]
        if opened.sampling.logprobs is None:
            return Drawn(sequence=row.sequence, token_id=token_id)
        return Drawn(sequence=row.sequence, token_id=token_id, logprob=-0.5, top=((token_id, -0.5),))

    def _score(self, row: Row, hidden: Sequence[int]) -> Scored:
        opened = self._opened[row.sequence]
        first = row.position + 1
        following = opened.prompt_ids[first : first + row.count]
        return Scored(
            sequence=row.sequence,
            position=first,
            tokens=tuple(
                _token_score(value, token_id, opened.sampling.logprobs or 0)
                for value, token_id in zip(hidden, following, strict=False)
            ),
        )


@final
class PreparedArithmetic:
    """See `Prepared`."""

    def __init__(self, stage: ArithmeticStage, output: TailOutput) -> None:
        self._stage = stage
        self._output = output

    def start(self) -> None:
        """Nothing is left to compute."""
        self._stage.happened.append("started")

    def finish(self) -> TailOutput:
        """What came out of it, or a failure that was asked for."""
        self._stage.happened.append("finished")
        if self._stage.late_failures or self._stage.is_poisoned:
            self._stage.late_failures = max(0, self._stage.late_failures - 1)
            self._stage.is_poisoned = False
            message = "a failure that was asked for, on the device"
            raise RuntimeError(message)
        return self._output


def _token_score(hidden: int, token_id: int, alternatives: int) -> TokenScore:
    """Not of any distribution, but another one for every token and every past."""
    top = tuple((hidden % 251 + rank, -1.0 - rank) for rank in range(alternatives))
    return TokenScore(token_id=token_id, logprob=-((hidden * 31 + token_id) % 97) / 8, top=top)


def _sum(row: Row, hidden: Sequence[int]) -> HiddenSum:
    return HiddenSum(sequence=row.sequence, count=row.count, values=struct.pack("<f", sum(hidden)))


def _is_set(allowed: bytes, token_id: int) -> bool:
    return token_id // 8 < len(allowed) and bool(allowed[token_id // 8] >> token_id % 8 & 1)


def _copy(sums: _Sums) -> _Sums:
    return {layer: list(values) for layer, values in sums.items()}


def _length(sums: _Sums) -> int:
    return len(next(iter(sums.values())))


def _unpack(activation: Activation) -> list[int]:
    return [int(value) for value in struct.unpack(f"<{activation.shape[0]}f", bytes(activation.data))]
