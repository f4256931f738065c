"""A stage that is not the head: it executes the step stream in order, and never acts of itself."""

from __future__ import annotations

import logging
from typing import final

from exo_core.errors import WireError
from exo_core.transports import BlockingLink, Buffer
from exo_engine.cache_limit import CacheLimit
from exo_engine.execute import Executed, answer_of, execute
from exo_engine.ring_steps import send_step, with_own
from exo_engine.stage import ActivationCodec, Stage
from exo_engine.step_runner import describe_failure
from exo_engine.step_stream import StepHeader, StepMessage, decode_step, encode_answer, encode_step
from exo_engine.steps import Generation, Step, StepAnswer

logger = logging.getLogger(__name__)


@final
class Follower:
    """One ring's worth of following. After a stage failed, the rest of the generation is passed on unexecuted:

    the head, told by the failed step's answer, draws a new generation, at which every stage starts empty.
    """

    def __init__(
        self, stage: Stage, *, outgoing: BlockingLink, codec: ActivationCodec, limit: CacheLimit | None = None
    ) -> None:
        self._stage = stage
        self._limit = limit or CacheLimit()
        self._outgoing = outgoing
        self._codec = codec
        self._generation: Generation | None = None
        self._number = 0
        self._broken: str | None = None
        stage.clear()

    def handle(self, message: Buffer) -> None:
        """Execute one step and pass it on, or answer it. Raises `LinkClosed`, `WireError`."""
        received = decode_step(message)
        step = received.header.step
        if not self._admits(step):
            logger.warning("refused a step of the older generation %s", step.generation)
            return
        self._broken = self._broken or received.header.error
        executed = None if self._broken else self._execute(received)
        if executed is None:
            self._pass_failure(step)
        elif self._stage.is_last:
            self._outgoing.send(encode_answer(self._answer(received.header, executed)))
        else:
            header = with_own(received.header, self._stage, executed, self._limit)
            send_step(self._outgoing, header, executed.activation, self._codec)

    def _admits(self, step: Step) -> bool:
        """Whether the step is the next of this generation or the first of a newer one."""
        if self._generation is None or _order(self._generation) < _order(step.generation):
            self._stage.clear()
            self._generation, self._number, self._broken = step.generation, 0, None
        elif step.generation != self._generation:
            return False
        self._number += 1
        if step.number != self._number:
            message = f"step {step.number} came where step {self._number} was due"
            raise WireError(message)
        return True

    def _execute(self, received: StepMessage) -> Executed | None:
        activation = received.activation
        try:
            inputs = None if activation is None else self._codec.decode(activation)
            return execute(self._stage, received.header.step.operations, inputs)
        except Exception as problem:  # whatever the model raises ends its requests, not the engine
            logger.exception("step %d failed", received.header.step.number)
            self._broken = describe_failure(problem)
            self._stage.clear()
            return None

    def _answer(self, header: StepHeader, executed: Executed) -> StepAnswer:
        whole = with_own(header, self._stage, executed, self._limit)
        return answer_of(
            (header.step.generation, header.step.number),
            executed.tail,
            seconds=whole.seconds,
            reports=whole.reports,
            resized=whole.resized,
        )

    def _pass_failure(self, step: Step) -> None:
        if self._stage.is_last:
            answer = StepAnswer(generation=step.generation, number=step.number, error=self._broken)
            self._outgoing.send(encode_answer(answer))
        else:
            self._outgoing.send(*encode_step(StepHeader(step=step, error=self._broken)))


def _order(generation: Generation) -> tuple[str, int, int]:
    return generation.placement_id, generation.start, generation.n
