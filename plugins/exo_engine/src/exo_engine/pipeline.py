"""`PipelineEngine`: an `exo_core.backends.Engine` from a backend's `Stage` and `Tokenizer`.

One code path for one machine and many: a single machine is a pipeline of one stage.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from itertools import count
from typing import final

from exo_core.backends import Ring
from exo_core.errors import LinkClosed, WireError
from exo_core.identifiers import RequestId
from exo_core.placement import ShardAssignment
from exo_core.requests import EngineRequest
from exo_core.transports import BlockingLink
from exo_engine.cache_limit import CacheLimit
from exo_engine.codecs import CODECS, CodecName
from exo_engine.cut import Cut
from exo_engine.follower import Follower
from exo_engine.head import Head
from exo_engine.inbox import Cancel, LookAround, Submit, Wake
from exo_engine.open_request import AnswerTo
from exo_engine.ring_steps import RingSteps
from exo_engine.scheduler import Scheduler
from exo_engine.stage import Stage, StageAhead
from exo_engine.step_runner import LocalSteps, StepRunner
from exo_engine.steps import Generation
from exo_engine.steps_ahead import StepsAhead
from exo_engine.text import Tokenizer

MICRO_BATCHES = "EXO_MICRO_BATCHES"
"""Fixes the number of micro-batches, to compare with the choice."""
ACTIVATION_CODEC = "EXO_ACTIVATION_CODEC"
"""Fixes how hidden states travel from this stage, to compare: a name of `exo_engine.codecs.CODECS`."""
RECEIVE_TIMEOUT = 0.25
"""Seconds after which a follower that hears nothing looks whether to stop."""


@final
class PipelineEngine:
    """The engine of one shard. `tokenizer` is needed on the head (the first stage) and unused elsewhere.

    `generation_base` is (placement id, start number), as `Backend.load` gets it.
    """

    def __init__(
        self,
        stage: Stage,
        *,
        tokenizer: Tokenizer | None,
        assignment: ShardAssignment,
        generation_base: tuple[str, int],
    ) -> None:
        self._stage = stage
        self._stages = assignment.shard.stages
        self._stage_ahead = stage if self._stages == 1 and isinstance(stage, StageAhead) else None
        self._cut: Cut | None = None
        """Of the present ring; the last stage has none."""
        self._stopping = threading.Event()
        self._generation_base = generation_base
        self._runs = count(1)
        self._limit = CacheLimit()
        self._head = self._make_head(tokenizer, assignment) if stage.is_first else None

    def run(self, ring: Ring) -> None:
        """Work until `stop`, or until a link dies (`LinkClosed`); see `Engine.run`."""
        self._limit.begin()
        self._cut = self._make_cut(ring)
        try:
            if self._head is not None:
                self._head.serve(self._steps(ring), self._stopping.is_set)
            else:
                self._follow(ring)
        except WireError as problem:
            _close(ring)
            self._drop()
            message = f"a neighbour broke the step stream: {problem}"
            raise LinkClosed(message) from problem
        except LinkClosed:
            if not self._stopping.is_set():  # else the caller closed the links to end the wait
                self._drop()
                raise
        finally:
            if self._cut is not None:
                self._cut.close()

    @property
    def remark(self) -> str:
        """How hidden states travel from here; see `exo_core.backends.Remarks`."""
        return "" if self._cut is None else self._cut.remark

    def submit(self, request: EngineRequest, answer: AnswerTo) -> None:
        """Take a request; on the head only. Callable from any thread, never blocks."""
        if self._head is None:
            message = "requests go to the first stage"
            raise RuntimeError(message)
        self._head.inbox.put(Submit(request, answer))

    def cancel(self, request_id: RequestId) -> None:
        """Forget a request at the next step boundary."""
        if self._head is not None:
            self._head.inbox.put(Cancel(request_id))

    def resize_caches(self, kv_bytes: int, taken: Callable[[], None]) -> None:
        """The caches may take so many bytes, from a step on that is soon; see `exo_core.backends.ResizesCaches`."""
        self._limit.say(kv_bytes, taken)
        if self._head is not None:
            self._head.inbox.put(LookAround())

    def stop(self) -> None:
        """Make `run` return within a step or a quarter of a second."""
        self._stopping.set()
        if self._head is not None:
            self._head.inbox.put(Wake())

    def _drop(self) -> None:
        """The ring is broken: nothing in the caches is of use any more."""
        self._stage.clear()
        self._limit.end()

    def _make_head(self, tokenizer: Tokenizer | None, assignment: ShardAssignment) -> Head:
        if tokenizer is None:
            message = "the first stage needs a tokenizer"
            raise ValueError(message)
        placement = assignment.placement
        scheduler = Scheduler(
            stages=self._stages,
            context=assignment.card.context,
            unmeasured=placement.kv_tokens,
            prefill_chunk=placement.prefill_chunk,
            micro_batches=_fixed_micro_batches(),
            runs_ahead=self._stage_ahead is not None,
        )
        return Head(
            tokenizer=tokenizer,
            context=assignment.card.context,
            scheduler=scheduler,
            next_generation=self._next_generation,
        )

    def _next_generation(self) -> Generation:
        placement_id, start = self._generation_base
        return Generation(placement_id=placement_id, start=start, n=next(self._runs))

    def _steps(self, ring: Ring) -> StepRunner:
        if self._stage_ahead is not None:
            return StepsAhead(self._stage_ahead, self._limit)
        if self._stages == 1:
            return LocalSteps(self._stage, self._limit)
        incoming, _ = _both(ring)
        assert self._cut is not None  # noqa: S101  # a first stage that is not the last has one
        return RingSteps(self._stage, incoming=incoming, cut=self._cut, stages=self._stages, limit=self._limit)

    def _make_cut(self, ring: Ring) -> Cut | None:
        if self._stage.is_last:
            return None
        _, outgoing = _both(ring)
        return Cut(outgoing, self._stage, may_offer=self._stage.is_first, fixed=_fixed_codec())

    def _follow(self, ring: Ring) -> None:
        incoming, outgoing = _both(ring)
        follower = Follower(self._stage, incoming=incoming, onward=self._cut or outgoing, limit=self._limit)
        while not self._stopping.is_set():
            message = incoming.receive(RECEIVE_TIMEOUT)
            if message is not None:
                follower.handle(message)


def _fixed_micro_batches() -> int:
    """How many micro-batches somebody wants instead of the number that was measured to be best; 0: nobody does."""
    return int(os.environ.get(MICRO_BATCHES) or 0)


def _fixed_codec() -> CodecName | None:
    """The codec somebody wants instead of the one that suits the link; None: nobody does."""
    wanted = os.environ.get(ACTIVATION_CODEC, "")
    return next((codec for codec in CODECS if codec == wanted), None)


def _both(ring: Ring) -> tuple[BlockingLink, BlockingLink]:
    if ring.incoming is None or ring.outgoing is None:
        message = "a stage of several needs both its links"
        raise ValueError(message)
    return ring.incoming, ring.outgoing


def _close(ring: Ring) -> None:
    for link in (ring.incoming, ring.outgoing):
        if link is not None:
            link.close()
