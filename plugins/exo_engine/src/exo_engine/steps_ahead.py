"""Steps of one stage that is the whole model, each prepared while the one before is computed.

The device never waits for a step's texts to be made and sent, nor for the next step to be decided on. What a step draws
is fed to the next one by the stage itself (`Row.drawn`).
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

from exo_engine.cache_limit import CacheLimit
from exo_engine.execute import answer_of, change
from exo_engine.stage import Prepared, StageAhead, TailOutput
from exo_engine.step_runner import describe_failure
from exo_engine.steps import Forward, Generation, Operation, StepAnswer

logger = logging.getLogger(__name__)

WINDOW = 2
"""Steps under way: the one that is computed and the next."""


@dataclass
class _Step:
    number: int
    prepared: Prepared | None
    """None: it has no forward, or has failed."""
    error: str | None = None
    started_at: float | None = None
    draws: bool = True
    """Whether somebody hears something of it."""
    operations: Sequence[Operation] = ()


@final
class StepsAhead:
    """See `StepRunner`. Where starting a step takes as long as computing it, answers are given out first."""

    def __init__(
        self,
        stage: StageAhead,
        limit: CacheLimit | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._stage = stage
        self._limit = limit or CacheLimit()
        self._clock = clock
        self._number = 0
        self._under_way: deque[_Step] = deque()
        self._finished_at = 0.0
        self._just_issued = False
        self._generation: Generation | None = None

    @property
    def has_room(self) -> bool:
        """One step ahead, unless of one that has failed.

        Where a step is not computed while the next is decided on, none ahead of one that only reads prompts: who comes
        meanwhile goes with the next.
        """
        return len(self._under_way) < WINDOW and all(self._may_be_followed(step) for step in self._under_way)

    @property
    def check_interval(self) -> float | None:
        """There is nothing to lose."""
        return None

    def begin(self, generation: Generation) -> None:
        """Drop all sequences, and what was under way."""
        for step in self._under_way:
            if step.started_at is not None:
                self._finish(step)  # the device has to be done with it before its sequences go
        self._under_way.clear()
        self._stage.clear()
        self._number = 0
        self._generation = generation
        self.issue((), ())

    def issue(self, operations: Sequence[Operation], inputs: Sequence[int]) -> int:
        """Prepare a step, and start it unless that would hold up the answer of the one before."""
        self._number += 1
        self._start_all()
        step = self._prepared(operations, inputs)
        self._under_way.append(step)
        if self._stage.works_by_itself or len(self._under_way) == 1:
            self._start(step)
        self._just_issued = True
        return self._number

    def receive(self, timeout: float) -> StepAnswer | None:
        """The oldest step's answer; None right after a step was issued, as long as another may be."""
        del timeout
        just_issued, self._just_issued = self._just_issued, False
        if not self._under_way or (just_issued and self.has_room):
            return None
        step = self._under_way.popleft()
        return self._answer(step, self._finish(step))

    def check(self) -> None:
        """Nothing can be lost."""

    def _may_be_followed(self, step: _Step) -> bool:
        return step.error is None and (self._stage.works_by_itself or step.draws)

    def _prepared(self, operations: Sequence[Operation], inputs: Sequence[int]) -> _Step:
        step = _Step(self._number, None, operations=operations)
        try:
            for operation in operations:
                if isinstance(operation, Forward):
                    step.draws = any(row.output != "none" for row in operation.rows)
                    step.prepared = self._stage.prepare(operation.rows, inputs)
                else:
                    change(self._stage, operation)
        except Exception as problem:  # whatever the model raises ends its requests, not the engine
            self._fail(step, problem)
        return step

    def _start_all(self) -> None:
        for step in self._under_way:
            self._start(step)

    def _start(self, step: _Step) -> None:
        if step.started_at is not None or step.prepared is None:
            return
        step.started_at = self._clock()
        try:
            step.prepared.start()
        except Exception as problem:  # as above
            self._fail(step, problem)

    def _finish(self, step: _Step) -> TailOutput:
        self._start(step)
        if step.prepared is None:
            return TailOutput()
        try:
            return step.prepared.finish()
        except Exception as problem:  # as above
            self._fail(step, problem)
            return TailOutput()

    def _fail(self, step: _Step, problem: Exception) -> None:
        logger.error("step %d failed", step.number, exc_info=problem)
        step.prepared, step.error = None, describe_failure(problem)

    def _answer(self, step: _Step, tail: TailOutput) -> StepAnswer:
        assert self._generation is not None, "begin comes first"  # noqa: S101  # a mistake in the head, not an input
        if step.error is not None:
            return StepAnswer(generation=self._generation, number=step.number, error=step.error)
        self._limit.executed(step.operations, 0)
        return answer_of(
            (self._generation, step.number),
            tail,
            seconds=(self._seconds(step),),
            reports=(self._limit.report(self._stage),) if step.number == 1 else (),
            resized=self._limit.news(0),
        )

    def _seconds(self, step: _Step) -> float:
        """What it alone took: since it was started, or since the one before was done."""
        now = self._clock()
        began = now if step.started_at is None else max(step.started_at, self._finished_at)
        self._finished_at = now
        return now - began
