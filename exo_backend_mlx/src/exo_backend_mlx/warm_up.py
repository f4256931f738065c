"""Passes on nonsense before the first request: kernels are compiled, and it is measured what steps take.

Two tables come out of it: how long a chunk of a prompt takes, by its length, from which the chunk size is chosen; and
how long one token of each of several short sequences takes, by their number, from which the number of micro-batches is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import final

import mlx.core as mx

from exo_backend_mlx.activations import zero_activation
from exo_backend_mlx.cache_sizes import CacheSizes
from exo_backend_mlx.computing_seconds import computing_seconds
from exo_backend_mlx.size_table import SizeTable
from exo_backend_mlx.stage import Measured, MlxStage
from exo_core.requests import Sampling
from exo_engine.chunk_choice import LONGEST_CHUNK_S
from exo_engine.steps import Open, Row, RowOutput

_CHUNKS = tuple(2**power for power in range(5, 13))
_ROWS = tuple(2**power for power in range(8))
_BUDGET = 2.0
"""Seconds for each table; what it has by then must do."""
_RUNS = 3
"""Of which the fastest counts, since the first compiles kernels."""
_ENOUGH = 0.1
"""Seconds after which a third run of a size is not worth its time."""
_SLOW = 1.0
"""Seconds after which a second is not."""
_FOR_A_LOOK = 1.0
"""Seconds for a later run of what took too long: the machine may have been busy with something else."""

_Run = Callable[[int], None]
"""Does something of a size."""


def _nothing(_: int) -> None: ...


@final
class Warming:
    """One warm-up of a stage that has no sequences."""

    def __init__(
        self,
        stage: MlxStage,
        on_step: Callable[[int, int], None],
        seconds_of: Callable[[Callable[[], None]], float] = computing_seconds,
    ) -> None:
        """`on_step` is told (done, in all)."""
        self._stage = stage
        self._on_step = on_step
        self._seconds_of = seconds_of
        self._done = 0
        self._total = 0

    def run(self, *, chunks_up_to: int, rows: bool) -> Measured:
        """Prefill and decode a little; measure chunks of at most so many tokens, and `rows` together if asked to."""
        chunks = SizeTable([size for size in _CHUNKS if size <= chunks_up_to], LONGEST_CHUNK_S)
        decoding = SizeTable(_ROWS if rows else (), _BUDGET)
        self._total = 1 + len(chunks.sizes) + len(decoding.sizes)
        self._tell(0)
        mx.reset_peak_memory()
        before = mx.get_active_memory()
        sizes = self._first_steps()
        self._tell(1)
        self._measure(chunks, self._chunk)
        self._measure(decoding, self._decode, self._join)
        self._stage.clear()
        self._look_again(chunks, self._chunk)
        self._tell(self._total)
        working = mx.get_peak_memory() - before if chunks.sizes else None
        return Measured(sizes, chunks.pairs, decoding.pairs, working)

    def _tell(self, done: int) -> None:
        self._done = done
        self._on_step(done, self._total)

    def _measure(self, table: SizeTable, run: _Run, prepare: _Run = _nothing) -> None:
        """Size by size, up to the first that takes too long."""
        while (size := table.next_size) is not None and not table.is_next_known and table.spent <= _BUDGET:
            prepare(size)
            table.note(size, self._times(run, size))
            self._tell(self._done + 1)

    def _look_again(self, table: SizeTable, run: _Run) -> None:
        """At what took too long; if it does not any more, at the next size too."""
        until = table.spent + _FOR_A_LOOK
        while table.pairs and (size := table.next_size) is not None and table.spent + table.expected <= until:
            table.note(size, [self._seconds_of(partial(run, size))])
            if table.is_next_known:
                return

    def _times(self, run: _Run, size: int) -> list[float]:
        times: list[float] = []
        while len(times) < _RUNS and sum(times) < (_SLOW if len(times) < 2 else _ENOUGH):
            times.append(self._seconds_of(partial(run, size)))
        return times

    def _first_steps(self) -> CacheSizes:
        self._open(0)
        self._extend([(0, 0, 32, "none"), (0, 32, 1, "token")])
        self._open(1)
        self._extend([(0, 33, 1, "token"), (1, 0, 1, "token")])
        sizes = self._stage.cache_sizes(0)
        self._stage.clear()
        return sizes

    def _chunk(self, tokens: int) -> None:
        self._open(0)
        self._extend([(0, 0, tokens, "none")])
        self._stage.close(0, None)

    def _join(self, rows: int) -> None:
        """Have so many sequences of some tokens, settled where later steps find them."""
        new = range(len(self._stage.lengths()), rows)
        for sequence in new:
            self._open(sequence)
        self._extend([(sequence, 0, 1, "token") for sequence in new])
        self._decode(rows)

    def _decode(self, rows: int) -> None:
        lengths = self._stage.lengths()
        self._extend([(sequence, lengths[sequence], 1, "token") for sequence in range(rows)])

    def _open(self, sequence: int) -> None:
        self._stage.open(Open(sequence=sequence, choice=0, sampling=Sampling(temperature=0), prompt_ids=(0,)))

    def _extend(self, rows: Sequence[tuple[int, int, int, RowOutput]]) -> None:
        tokens = sum(count for _, _, count, _ in rows)
        facts = self._stage.facts
        nothing = zero_activation(facts.activation_type, tokens, facts.hidden_size)
        self._stage.forward(
            [Row(sequence=which, position=at, count=count, output=output) for which, at, count, output in rows],
            [0] * tokens if self._stage.is_first else nothing,
        )
