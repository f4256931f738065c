"""A model of integer arithmetic that depends on every token before, as attention does, and can be cut at any layer.

Each layer keeps, per sequence, a running sum over positions: lose one token, compute one twice or mix two sequences up,
and every later token changes. Hidden states are one float32 per token, whole numbers below 65521.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import final

from exo_engine.keyed_random import uniform
from exo_engine.stage import Activation
from exo_engine.steps import Drawn, Open, Row
from exo_engine.testing.byte_tokenizer import EOS

_MODULUS = 65521


@final
class ArithmeticStage:
    """Layers start … end - 1 of `layers`. `failures`: how many of the next forwards raise."""

    def __init__(self, *, start: int, end: int, layers: int, tokens: Sequence[int] = range(EOS)) -> None:
        self._layers = range(start, end)
        self.is_first = start == 0
        self.is_last = end == layers
        self.failures = 0
        self.rows_seen: list[Row] = []
        self._tokens = tokens
        """What may be drawn."""
        self._opened: dict[int, Open] = {}
        self._sums: dict[int, dict[int, list[int]]] = {}
        """Sequence to layer to the running sum after each position."""
        self._snapshots: dict[int, dict[int, list[int]]] = {}

    def open(self, operation: Open) -> None:
        """Begin a sequence."""
        if operation.sequence in self._opened:
            message = f"sequence {operation.sequence} is open already"
            raise ValueError(message)
        self._opened[operation.sequence] = operation
        self._sums[operation.sequence] = {layer: [] for layer in self._layers}

    def forward(self, rows: Sequence[Row], inputs: Sequence[int] | Activation) -> Activation | Sequence[Drawn]:
        """Extend the rows' sequences."""
        if self.failures:
            self.failures -= 1
            message = "a failure that was asked for"
            raise RuntimeError(message)
        hidden = _unpack(inputs) if isinstance(inputs, Activation) else [token + 1 for token in inputs]
        self.rows_seen.extend(rows)
        drawn: list[Drawn] = []
        at = 0
        for row in rows:
            hidden[at : at + row.count] = self._extend(row, hidden[at : at + row.count])
            at += row.count
            if row.sample and self.is_last:
                drawn.append(self._draw(row, hidden[at - 1]))
        return drawn if self.is_last else Activation("F32", (len(hidden), 1), struct.pack(f"<{len(hidden)}f", *hidden))

    def trim(self, sequence: int, length: int) -> None:
        """Forget positions from `length` on."""
        for sums in self._sums[sequence].values():
            del sums[length:]

    def snapshot(self, sequence: int, snapshot: int) -> None:
        """Keep a copy."""
        self._snapshots[snapshot] = {layer: list(sums) for layer, sums in self._sums[sequence].items()}

    def evict(self, snapshot: int) -> None:
        """Drop a copy."""
        del self._snapshots[snapshot]

    def close(self, sequence: int) -> None:
        """Free a sequence."""
        del self._opened[sequence], self._sums[sequence]

    def clear(self) -> None:
        """Drop everything."""
        self._opened.clear()
        self._sums.clear()
        self._snapshots.clear()

    def lengths(self) -> Mapping[int, int]:
        """Tokens per sequence."""
        return {sequence: len(next(iter(sums.values()))) for sequence, sums in self._sums.items()}

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

    def _draw(self, row: Row, hidden: int) -> Drawn:
        opened = self._opened[row.sequence]
        shift = 0
        if opened.sampling.temperature:
            index = row.position + row.count - len(opened.prompt_ids)
            shift = int(uniform(opened.sampling.seed, opened.choice, index) * len(self._tokens))
        token_id = self._tokens[(hidden * 7919 + shift) % len(self._tokens)]
        if opened.sampling.logprobs is None:
            return Drawn(sequence=row.sequence, token_id=token_id)
        return Drawn(sequence=row.sequence, token_id=token_id, logprob=-0.5, top=((token_id, -0.5),))


def _unpack(activation: Activation) -> list[int]:
    return [int(value) for value in struct.unpack(f"<{activation.shape[0]}f", bytes(activation.data))]
