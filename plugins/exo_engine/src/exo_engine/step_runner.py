"""How the head has its steps executed, wherever the stages are; and the same for one stage in this process."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from typing import Protocol, final

from exo_engine.cache_limit import CacheLimit
from exo_engine.execute import answer_of, execute
from exo_engine.stage import Stage
from exo_engine.steps import Generation, Operation, StepAnswer

logger = logging.getLogger(__name__)


class StepRunner(Protocol):
    """Executes steps in order and answers each, in order. Used by the head's thread alone."""

    @property
    def has_room(self) -> bool:
        """Whether another step may be issued before an answer is received."""
        ...

    @property
    def check_interval(self) -> float | None:
        """How often an idle head calls `check`, in seconds; None: never."""
        ...

    def begin(self, generation: Generation) -> None:
        """All stages drop their sequences, and step 1, an empty one, is issued: its answer has the stages' reports.

        Later steps are this generation's. Raises `LinkClosed`.
        """
        ...

    def issue(self, operations: Sequence[Operation], inputs: Sequence[int]) -> int:
        """Send a step on its way, with the token ids of its rows; gives its number. Raises `LinkClosed`."""
        ...

    def receive(self, timeout: float) -> StepAnswer | None:
        """The next answer, or None after `timeout` seconds. Raises `LinkClosed`."""
        ...

    def check(self) -> None:
        """Raise `LinkClosed` if the stages cannot be reached."""
        ...


@final
class LocalSteps:
    """One stage that is the whole model: called directly, nothing is serialized, one step at a time."""

    def __init__(self, stage: Stage, limit: CacheLimit | None = None) -> None:
        self._stage = stage
        self._limit = limit or CacheLimit()
        self._number = 0
        self._answers: deque[StepAnswer] = deque()
        self._generation: Generation | None = None

    @property
    def has_room(self) -> bool:
        """One step at a time: another would only wait."""
        return not self._answers

    @property
    def check_interval(self) -> float | None:
        """There is nothing to lose."""
        return None

    def begin(self, generation: Generation) -> None:
        """Drop all sequences."""
        self._stage.clear()
        self._answers.clear()
        self._number = 0
        self._generation = generation
        self.issue((), ())

    def issue(self, operations: Sequence[Operation], inputs: Sequence[int]) -> int:
        """Execute a step now."""
        assert self._generation is not None, "begin comes first"  # noqa: S101  # a mistake in the head, not an input
        self._number += 1
        self._answers.append(self._execute(self._generation, operations, inputs))
        return self._number

    def receive(self, timeout: float) -> StepAnswer | None:
        """The answer of the step just executed."""
        del timeout
        return self._answers.popleft() if self._answers else None

    def check(self) -> None:
        """Nothing can be lost."""

    def _execute(self, generation: Generation, operations: Sequence[Operation], inputs: Sequence[int]) -> StepAnswer:
        try:
            executed = execute(self._stage, operations, inputs)
        except Exception as problem:  # whatever the model raises ends its requests, not the engine
            logger.exception("step %d failed", self._number)
            return StepAnswer(generation=generation, number=self._number, error=describe_failure(problem))
        self._limit.executed(operations, 0)
        return answer_of(
            (generation, self._number),
            executed.tail,
            seconds=(executed.seconds,),
            reports=(self._limit.report(self._stage),) if self._number == 1 else (),
            resized=self._limit.news(0),
        )


def describe_failure(problem: Exception) -> str:
    """A stage's error for the one whose request it ends; tensors' shapes may be in it, prompts are not."""
    return f"{type(problem).__name__}: {problem}"[:500]
