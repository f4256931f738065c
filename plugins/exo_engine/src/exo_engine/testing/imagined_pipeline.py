"""A pipeline in imagined time: steps take what they are said to take, and nothing is computed.

The head's own stage holds it up, as it does in an engine; the others work on their own, in order. Every token is `a`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

from exo_core.requests import Answer, EngineRequest
from exo_engine.head import Head
from exo_engine.inbox import Submit
from exo_engine.scheduler import Scheduler
from exo_engine.steps import Drawn, Forward, Generation, Operation, Row, StageReport, StepAnswer
from exo_engine.testing.byte_tokenizer import ByteTokenizer

CONTEXT = 10**6
SIZES = tuple(2**power for power in range(13))


@dataclass(frozen=True)
class StageSpeed:
    """Seconds that a stage takes for so many rows of one token, and for so many tokens of prompts."""

    decode: Callable[[int], float]
    chunk: Callable[[int], float]

    def report(self) -> StageReport:
        """What a warm-up would have measured."""
        return StageReport(
            trimmable=True,
            decode_seconds=tuple((size, self.decode(size)) for size in SIZES if size <= 128),
            chunk_seconds=tuple((size, self.chunk(size)) for size in SIZES if size >= 32),
        )

    def seconds(self, rows: Sequence[Row]) -> float:
        """For a step of these rows; who decodes beside a chunk waits for no weights of its own."""
        decoding = sum(row.output == "token" for row in rows)
        tokens = sum(row.count for row in rows) - decoding
        if not tokens:
            return self.decode(decoding) if decoding else 0.0
        return self.chunk(tokens) + self.decode(decoding) - self.decode(0)


@final
class ImaginedPipeline:
    """A head and its `StepRunner`; `now` is the imagined time in seconds."""

    check_interval = 0.0

    def __init__(self, stages: Sequence[StageSpeed], *, link: float = 0.0, micro_batches: int = 0) -> None:
        self._stages = stages
        self._link = link
        self._free = [0.0] * len(stages)
        self._answers: deque[tuple[float, StepAnswer]] = deque()
        self._generation = Generation(placement_id="p", start=1, n=1)
        self._number = 0
        self.now = 0.0
        self._head = Head(
            tokenizer=ByteTokenizer(),
            context=CONTEXT,
            scheduler=Scheduler(
                stages=len(stages), context=CONTEXT, micro_batches=micro_batches, clock=lambda: self.now
            ),
            next_generation=lambda: self._generation,
        )

    def submit(self, request: EngineRequest, answer: Callable[[Answer], None]) -> None:
        """Ask the head."""
        self._head.inbox.put(Submit(request, answer))

    def run(self, is_over: Callable[[], bool]) -> None:
        """Serve until then."""
        self._head.serve(self, is_over)

    @property
    def has_room(self) -> bool:
        """As many steps as a ring admits; one where there is none."""
        return len(self._answers) < (len(self._stages) + 1 if len(self._stages) > 1 else 1)

    def begin(self, generation: Generation) -> None:
        """All stages are empty."""
        self._generation = generation
        self._answers.clear()
        self._number = 0
        self.issue((), ())

    def issue(self, operations: Sequence[Operation], inputs: Sequence[int]) -> int:
        """The first stage holds up the head; the step then goes from one stage to the next."""
        del inputs
        self._number += 1
        rows = next((operation.rows for operation in operations if isinstance(operation, Forward)), ())
        seconds = tuple(stage.seconds(rows) for stage in self._stages)
        self.now += seconds[0]
        at = self.now
        for stage, took in enumerate(seconds[1:], start=1):
            at = max(at + self._link, self._free[stage]) + took
            self._free[stage] = at
        drawn = tuple(Drawn(sequence=row.sequence, token_id=97) for row in rows if row.output == "token")
        reports = tuple(stage.report() for stage in self._stages) if self._number == 1 else ()
        answer = StepAnswer(
            generation=self._generation, number=self._number, drawn=drawn, seconds=seconds, reports=reports
        )
        self._answers.append((at + (self._link if len(seconds) > 1 else 0.0), answer))
        return self._number

    def receive(self, timeout: float) -> StepAnswer | None:
        """The next answer when its time has come; waiting lets time pass."""
        if not self._answers or self._answers[0][0] > self.now + timeout:
            self.now += timeout
            return None
        at, answer = self._answers.popleft()
        self.now = max(self.now, at)
        return answer

    def check(self) -> None:
        """Nothing is lost."""
