"""How long does a step take in which no stage computes anything? Head, scheduler, texts and the step stream's bytes.

    uv run python plugins/exo_engine/benchmarks/head_overhead.py [--seconds 2]

Streams over one stage that is called directly, and over two in a ring in memory, whose messages are encoded and decoded
as they are between machines. Printed is the CPU time of a step, in which every stream gets a token.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import final

from exo_core.identifiers import RequestId
from exo_core.requests import Generate, Sampling, TokenPrompt
from exo_core.testing.blocking_pair import memory_rings
from exo_core.transports import BlockingLink
from exo_engine.cut import Cut
from exo_engine.follower import Follower
from exo_engine.head import Head
from exo_engine.inbox import Submit
from exo_engine.ring_steps import RingSteps
from exo_engine.scheduler import Scheduler
from exo_engine.stage import Activation, TailOutput
from exo_engine.step_runner import LocalSteps, StepRunner
from exo_engine.steps import Drawn, Generation, Open, Operation, Row, StageReport, StepAnswer
from exo_engine.testing.byte_tokenizer import ByteTokenizer

CONTEXT = 10**7
HIDDEN = 64
STATES = bytes(4 * HIDDEN * 512)
WARM_STEPS = 50


@final
class IdleStage:
    """Computes nothing: every token is `a`."""

    def __init__(self, *, is_first: bool, is_last: bool) -> None:
        self.is_first = is_first
        self.is_last = is_last
        self.forwards = 0

    def open(self, operation: Open) -> None:
        """Nothing is kept."""

    def forward(self, rows: Sequence[Row], inputs: Sequence[int] | Activation) -> Activation | TailOutput:
        """An `a` for every row."""
        del inputs
        self.forwards += 1
        if self.is_last:
            drawing = (row.sequence for row in rows if row.output == "token")
            return TailOutput(drawn=tuple(Drawn(sequence=sequence, token_id=97) for sequence in drawing))
        tokens = sum(row.count for row in rows)
        return Activation("F32", (tokens, HIDDEN), memoryview(STATES)[: 4 * tokens * HIDDEN])

    def trim(self, sequence: int, length: int) -> None:
        """Nothing is kept."""

    def snapshot(self, sequence: int, snapshot: int) -> None:
        """Nothing is kept."""

    def evict(self, snapshot: int) -> None:
        """Nothing is kept."""

    def close(self, sequence: int, keep: int | None) -> None:
        """Nothing is kept."""

    def clear(self) -> None:
        """Nothing is kept."""

    def lengths(self) -> Mapping[int, int]:
        """Nothing is kept."""
        return {}

    def report(self) -> StageReport:
        """It can be cut at any length."""
        return StageReport(trimmable=True)


@final
class RingInOneThread:
    """`RingSteps` whose other stage works when the head waits for it."""

    def __init__(self, tail: IdleStage) -> None:
        head_ring, tail_ring = memory_rings(2)
        first = IdleStage(is_first=True, is_last=False)
        self._incoming = _there(tail_ring.incoming)
        self._follower = Follower(tail, incoming=self._incoming, onward=_there(tail_ring.outgoing))
        cut = Cut(_there(head_ring.outgoing), first, may_offer=False)
        self._steps = RingSteps(first, incoming=_there(head_ring.incoming), cut=cut, stages=2)

    @property
    def has_room(self) -> bool:
        """The ring's."""
        return self._steps.has_room

    @property
    def check_interval(self) -> float | None:
        """The ring's."""
        return self._steps.check_interval

    def begin(self, generation: Generation) -> None:
        """The ring's."""
        self._steps.begin(generation)

    def issue(self, operations: Sequence[Operation], inputs: Sequence[int]) -> int:
        """The ring's."""
        return self._steps.issue(operations, inputs)

    def receive(self, timeout: float) -> StepAnswer | None:
        """Let the other stage work, then take its answer."""
        while (message := self._incoming.receive(0)) is not None:
            self._follower.handle(message)
        return self._steps.receive(timeout)

    def check(self) -> None:
        """The ring's."""
        self._steps.check()


def _there(link: BlockingLink | None) -> BlockingLink:
    assert link is not None  # noqa: S101  # two stages have links
    return link


def measure(streams: int, stages: int, seconds: float) -> tuple[float, int]:
    """CPU seconds of a step, and how many were made."""
    tail = IdleStage(is_first=stages == 1, is_last=True)
    steps: StepRunner = LocalSteps(tail) if stages == 1 else RingInOneThread(tail)
    runs = count(1)
    head = Head(
        tokenizer=ByteTokenizer(),
        context=CONTEXT,
        scheduler=Scheduler(stages=stages, context=CONTEXT),
        next_generation=lambda: Generation(placement_id="placement-1", start=1, n=next(runs)),
    )
    for number in range(streams):
        request = Generate(
            request_id=RequestId(str(number)),
            prompt=TokenPrompt(token_ids=(number, 3)),
            sampling=Sampling(temperature=0, ignore_eos=True),
        )
        head.inbox.put(Submit(request, lambda answer: None))
    watch = _Watch(lambda: tail.forwards, seconds)
    head.serve(steps, watch.is_over)
    return watch.cpu_seconds / watch.steps, watch.steps


@final
class _Watch:
    """Counts steps once the first are made."""

    def __init__(self, forwards: Callable[[], int], seconds: float) -> None:
        self._forwards = forwards
        self._seconds = seconds
        self._began: tuple[int, float, float] | None = None
        self.steps = 0
        self.cpu_seconds = 0.0

    def is_over(self) -> bool:
        """Whether it was watched for long enough."""
        if self._began is None:
            if self._forwards() >= WARM_STEPS:
                self._began = (self._forwards(), time.process_time(), time.perf_counter())
            return False
        forwards, cpu, wall = self._began
        self.steps, self.cpu_seconds = self._forwards() - forwards, time.process_time() - cpu
        return self.steps > 0 and time.perf_counter() - wall > self._seconds


def main() -> None:
    """One and two stages, 1 to 128 streams."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    for stages in (1, 2):
        for streams in (1, 8, 32, 128):
            each, steps = measure(streams, stages, options.seconds)
            print(f"{stages} stages, {streams:3} streams: {each * 1e6:6.0f} µs a step ({steps} steps)")


if __name__ == "__main__":
    main()
