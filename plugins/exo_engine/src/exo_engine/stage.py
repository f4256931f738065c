"""What a backend gives to the engine: one stage of a model, without any scheduling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from exo_core.transports import Buffer
from exo_engine.steps import Drawn, HiddenSum, Open, Row, Scored, StageReport


@dataclass(frozen=True)
class Activation:
    """Hidden states between two stages: a C-ordered array of `shape` (tokens, hidden size).

    `dtype` is safetensors' word (F32, F16, BF16); `data` its little-endian bytes, valid until the next `forward`.
    """

    dtype: str
    shape: tuple[int, ...]
    data: Buffer


@dataclass(frozen=True)
class TailOutput:
    """What the last stage gives for a forward, each kind in the order of its rows."""

    drawn: tuple[Drawn, ...] = ()
    sums: tuple[HiddenSum, ...] = ()
    scored: tuple[Scored, ...] = ()


class Stage(Protocol):
    """A contiguous range of a model's layers and their caches. Used by one thread; never acts of itself.

    The first stage embeds, the last applies norm and head (only where a row wants an output) and draws. A stage that
    is both is a whole model. An operation that fails raises and leaves weights usable; the caller then calls `clear`.
    """

    @property
    def is_first(self) -> bool:
        """Whether `forward` takes token ids."""
        ...

    @property
    def is_last(self) -> bool:
        """Whether `forward` draws."""
        ...

    def open(self, operation: Open) -> None:
        """Begin a sequence, with empty caches or from a snapshot. The prompt's ids are known, not yet computed.

        Raises `ValueError` if there is no such snapshot, or if it would have to be trimmed and cannot be.
        """
        ...

    def forward(self, rows: Sequence[Row], inputs: Sequence[int] | Activation) -> Activation | TailOutput:
        """Extend each row's sequence by its tokens and give what the next stage needs, or, on the last, the outputs.

        Everything is computed when it returns.

        `inputs` are the rows' token ids one after the other on the first stage, their hidden states on later ones.
        """
        ...

    def trim(self, sequence: int, length: int) -> None:
        """Forget positions from `length` on. Raises `ValueError` when this cache cannot."""
        ...

    def snapshot(self, sequence: int, snapshot: int) -> None:
        """Keep the sequence's caches as they are now."""
        ...

    def evict(self, snapshot: int) -> None:
        """Drop a snapshot."""
        ...

    def close(self, sequence: int, keep: int | None) -> None:
        """Free a sequence, or make it the snapshot `keep`."""
        ...

    def clear(self) -> None:
        """Drop all sequences and snapshots; keep the weights."""
        ...

    def lengths(self) -> Mapping[int, int]:
        """Tokens in the cache of each open sequence."""
        ...

    def report(self) -> StageReport:
        """What the head must know of this stage."""
        ...


class Prepared(Protocol):
    """A forward of a whole model. What it extends counts as extended, though nothing may be computed yet."""

    def start(self) -> None:
        """Have it computed, after all that was started before. Returns at once if the device `works_by_itself`."""
        ...

    def finish(self) -> TailOutput:
        """Wait until it is computed; starts it if nobody did. Raises whatever the device raises."""
        ...


@runtime_checkable
class StageAhead(Stage, Protocol):
    """A whole model that can prepare a forward while the one before is computed.

    Its rows may be `Row.drawn`. Operations between forwards may wait for what was started.
    """

    @property
    def works_by_itself(self) -> bool:
        """Whether the device computes what was started while this thread does something else."""
        ...

    def prepare(self, rows: Sequence[Row], inputs: Sequence[int]) -> Prepared:
        """`forward`, but for the computing. One that fails raises; then, or when `finish` raises, comes `clear`."""
        ...
