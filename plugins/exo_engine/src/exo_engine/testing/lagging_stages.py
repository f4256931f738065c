"""Several arithmetic stages behind one `StepRunner`, without threads: how far each lags behind is decided by chance.

After every step a stage executes, what it holds is compared with what the head had decided when it issued that step.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

from exo_engine.execute import execute
from exo_engine.stage import Activation
from exo_engine.steps import Generation, Limit, Operation, Resized, StepAnswer
from exo_engine.testing.arithmetic_stage import ArithmeticStage


@dataclass
class _Travelling:
    """A step on its way through the stages."""

    number: int
    operations: tuple[Operation, ...]
    carried: Sequence[int] | Activation | None
    expected: Mapping[int, int]
    seconds: tuple[float, ...] = ()
    error: str | None = None
    answer: StepAnswer | None = None


@final
class LaggingStages:
    """See `StepRunner`. `expected` is what the head believes every stage holds after the step it issues."""

    check_interval = 0.0
    """An idle head looks at its inbox and goes on: whoever drives the test does something meanwhile."""

    def __init__(
        self, stages: Sequence[ArithmeticStage], expected: Callable[[], Mapping[int, int]], chance: random.Random
    ) -> None:
        self._stages = stages
        self._expected = expected
        self._chance = chance
        self._queues: list[deque[_Travelling]] = [deque() for _ in range(len(stages) + 1)]
        """Steps before each stage, and answers."""
        self._generation: Generation | None = None
        self._number = 0
        self._broken: list[str | None] = [None] * len(stages)
        self._news: list[Resized] = []
        self.steps = 0
        self.seen: list[Operation] = []
        """All operations so far."""

    @property
    def has_room(self) -> bool:
        """As in a ring."""
        return sum(map(len, self._queues)) < len(self._stages) + 1

    def begin(self, generation: Generation) -> None:
        """Everything is dropped, what was under way too."""
        for queue in self._queues:
            queue.clear()
        for stage in self._stages:
            stage.clear()
            stage.cache_bytes = stage.report().cache_bytes
        self._broken = [None] * len(self._stages)
        self._generation = generation
        self._number = 0
        self.issue((), ())

    def issue(self, operations: Sequence[Operation], inputs: Sequence[int]) -> int:
        """The first stage executes at once, as the head's does."""
        self._number += 1
        self.steps += 1
        self.seen.extend(operations)
        expected = dict(self._expected())
        self._queues[0].append(_Travelling(self._number, tuple(operations), inputs, expected))
        self._execute(0)
        return self._number

    def receive(self, timeout: float) -> StepAnswer | None:
        """An answer that is there; if there is none, and the head waits, one that comes."""
        while not self._queues[-1] and (timeout or self._chance.random() < 0.5):
            if not self._advance():
                return None
        return self._answer(self._queues[-1].popleft()) if self._queues[-1] else None

    def check(self) -> None:
        """Nothing is lost."""

    def resize(self, stage: int, cache_bytes: int) -> None:
        """The head hears with a step to come that a stage's caches may take so much; it is kept to its own word."""
        self._news.append(Resized(stage=stage, cache_bytes=cache_bytes))

    def settle(self) -> None:
        """Let every stage catch up."""
        while self._advance():
            pass

    def _advance(self) -> bool:
        waiting = [index for index in range(len(self._stages)) if self._queues[index]]
        if not waiting:
            return False
        self._execute(self._chance.choice(waiting))
        return True

    def _execute(self, index: int) -> None:
        stage, step = self._stages[index], self._queues[index].popleft()
        self._queues[index + 1].append(step)
        step.error = step.error or self._broken[index]
        if step.error is not None:
            return
        limits = [each.cache_bytes for each in step.operations if isinstance(each, Limit) and each.stage == index]
        stage.cache_bytes = max([*limits, stage.cache_bytes or 0]) or None  # a larger one holds for the whole step
        try:
            done = execute(stage, step.operations, step.carried)
        except RuntimeError as problem:  # one that was asked for; any other is a mistake and ends the test
            self._broken[index] = step.error = str(problem)
            return
        if stage.lengths() != step.expected:
            message = f"stage {index} holds {stage.lengths()} after step {step.number}, the head thinks {step.expected}"
            raise AssertionError(message)
        stage.cache_bytes = limits[-1] if limits else stage.cache_bytes
        stage.check_bytes()
        step.seconds = (*step.seconds, done.seconds)
        step.carried = done.activation
        if stage.is_last:
            resized, self._news = tuple(self._news), []
            step.answer = StepAnswer(
                generation=self._present,
                number=step.number,
                drawn=done.tail.drawn,
                sums=done.tail.sums,
                scored=done.tail.scored,
                seconds=step.seconds,
                reports=tuple(each.report() for each in self._stages) if step.number == 1 else (),
                resized=resized,
            )

    def _answer(self, step: _Travelling) -> StepAnswer:
        return step.answer or StepAnswer(generation=self._present, number=step.number, error=step.error)

    @property
    def _present(self) -> Generation:
        assert self._generation is not None  # begin comes first
        return self._generation
