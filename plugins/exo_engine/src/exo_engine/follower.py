"""A stage that is not the head: it executes the step stream in order, and never acts of itself."""

from __future__ import annotations

import logging
from typing import final

from exo_core.errors import WireError
from exo_core.transports import BlockingLink, Buffer
from exo_engine.cache_limit import CacheLimit
from exo_engine.codec_choice import token_seconds
from exo_engine.codecs import CODECS, decode
from exo_engine.cut import Cut
from exo_engine.execute import Executed, answer_of, execute
from exo_engine.link_talk import Receipt, encode_receipt, is_offer, probe_number
from exo_engine.ring_steps import with_own
from exo_engine.stage import Activation, Stage
from exo_engine.step_runner import describe_failure
from exo_engine.step_stream import StepHeader, StepMessage, decode_step, encode_answer
from exo_engine.steps import Generation, Step, StepAnswer

logger = logging.getLogger(__name__)


@final
class Follower:
    """One ring's worth of following. After a stage failed, the rest of the generation is passed on unexecuted:

    the head, told by the failed step's answer, draws a new generation, at which every stage starts empty.

    `onward` is the cut behind this stage; the last one has none and answers over its link to the head.
    """

    def __init__(
        self, stage: Stage, *, incoming: BlockingLink, onward: Cut | BlockingLink, limit: CacheLimit | None = None
    ) -> None:
        self._stage = stage
        self._limit = limit or CacheLimit()
        self._incoming = incoming
        self._onward = onward
        self._generation: Generation | None = None
        self._number = 0
        self._broken: str | None = None
        stage.clear()

    def handle(self, message: Buffer) -> None:
        """Execute one step and pass it on, or answer it. Raises `LinkClosed`, `WireError`."""
        if (probe := probe_number(message)) is not None:
            self._incoming.send(encode_receipt(Receipt(probe=probe)))
            return
        received = decode_step(message)
        if is_offer(received.header.activation):
            self._take_offer()
        step = received.header.step
        if not self._admits(step):
            logger.warning("refused a step of the older generation %s", step.generation)
            return
        self._broken = self._broken or received.header.error
        executed = None if self._broken else self._execute(received)
        if executed is None:
            self._pass_failure(step)
        elif isinstance(self._onward, Cut):
            header = with_own(received.header, self._stage, executed, self._limit)
            self._onward.send(header, executed.activation)
        else:
            self._onward.send(encode_answer(self._answer(received.header, executed)))

    def _take_offer(self) -> None:
        """Who is offered codecs says which are known here, and may offer them too."""
        receipt = Receipt(codecs=CODECS, token_seconds=token_seconds(self._stage.report()))
        self._incoming.send(encode_receipt(receipt))
        if isinstance(self._onward, Cut):
            self._onward.may_offer = True

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
        try:
            return execute(self._stage, received.header.step.operations, _inputs(received))
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
        if isinstance(self._onward, Cut):
            self._onward.send(StepHeader(step=step, error=self._broken), None)
        else:
            answer = StepAnswer(generation=step.generation, number=step.number, error=self._broken)
            self._onward.send(encode_answer(answer))


def _inputs(received: StepMessage) -> Activation | None:
    described, activation = received.header.activation, received.activation
    if described is None or activation is None or is_offer(described):
        return None
    return decode(described.codec, activation)


def _order(generation: Generation) -> tuple[str, int, int]:
    return generation.placement_id, generation.start, generation.n
