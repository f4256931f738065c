"""The head's side of a pipeline of several stages: its own stage here, the others around the ring."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from typing import final

from exo_core.transports import BlockingLink
from exo_engine.cache_limit import CacheLimit
from exo_engine.cut import Cut
from exo_engine.execute import Executed, execute
from exo_engine.stage import Stage
from exo_engine.step_runner import describe_failure
from exo_engine.step_stream import StepHeader, decode_answer
from exo_engine.steps import Generation, Operation, Step, StepAnswer

logger = logging.getLogger(__name__)

CHECK_INTERVAL = 0.25
"""Seconds after which an idle head notices a dead link."""


@final
class RingSteps:
    """Steps go over the `cut` behind the head's own stage, answers come back on `incoming`.

    At most stages + 1 steps are under way, so that the ring can never fill and block.
    """

    def __init__(
        self,
        stage: Stage,
        *,
        incoming: BlockingLink,
        cut: Cut,
        stages: int,
        limit: CacheLimit | None = None,
    ) -> None:
        self._stage = stage
        self._limit = limit or CacheLimit()
        self._incoming = incoming
        self._cut = cut
        self._window = stages + 1
        self._under_way = 0
        self._number = 0
        self._generation: Generation | None = None
        self._own: deque[StepAnswer] = deque()
        """Failures of the head's own stage: such a step never entered the ring."""

    @property
    def has_room(self) -> bool:
        """Whether fewer than stages + 1 steps are under way."""
        return self._under_way < self._window

    @property
    def check_interval(self) -> float | None:
        """Seconds."""
        return CHECK_INTERVAL

    def begin(self, generation: Generation) -> None:
        """Announce a generation by an empty step, at which every stage drops what it has."""
        self._stage.clear()
        self._own.clear()
        self._generation = generation
        self._number = 0
        self.issue((), ())

    def issue(self, operations: Sequence[Operation], inputs: Sequence[int]) -> int:
        """Run the head's stage and send the step on."""
        assert self._generation is not None, "begin comes first"  # noqa: S101  # a mistake in the head, not an input
        self._number += 1
        try:
            executed = execute(self._stage, operations, inputs)
        except Exception as problem:  # whatever the model raises ends its requests, not the engine
            logger.exception("step %d failed on stage 0", self._number)
            error = describe_failure(problem)
            self._own.append(StepAnswer(generation=self._generation, number=self._number, error=error))
            return self._number
        step = Step(generation=self._generation, number=self._number, operations=tuple(operations))
        header = with_own(StepHeader(step=step), self._stage, executed, self._limit)
        self._cut.send(header, executed.activation)
        self._under_way += 1
        return self._number

    def receive(self, timeout: float) -> StepAnswer | None:
        """The next answer of this generation; older ones are dropped."""
        if self._own:
            return self._own.popleft()
        message = self._incoming.receive(timeout)
        if message is None:
            return None
        self._under_way -= 1
        answer = decode_answer(message)
        return answer if answer.generation == self._generation else None

    def check(self) -> None:
        """Look whether the tail is still there; nothing is expected from it."""
        while self._incoming.receive(0) is not None:
            self._under_way -= 1


def with_own(header: StepHeader, stage: Stage, executed: Executed, limit: CacheLimit) -> StepHeader:
    """The header of a step that this stage has executed, with what it adds for the answer."""
    place = len(header.seconds)
    limit.executed(header.step.operations, place)
    return StepHeader(
        step=header.step,
        seconds=(*header.seconds, executed.seconds),
        reports=(*header.reports, limit.report(stage)) if header.step.number == 1 else (),
        resized=(*header.resized, *limit.news(place)),
    )
