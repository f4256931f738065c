"""One request on its way from instance to instance until it is answered; each token reaches the client once.

The rules are in `replaying` (what follows an attempt), `standstill` (how long nothing may move) and `delivery` (which
chunks count). Here they meet the cluster and the clock.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import final

from exo_core.errors import RequestRefused
from exo_core.gateway.attempt import Attempt
from exo_core.gateway.delivery import Delivery
from exo_core.gateway.engine_call import EngineCall, instance_lost
from exo_core.gateway.engine_calls import call_engine
from exo_core.gateway.local_heads import LocalHeads
from exo_core.gateway.replaying import MOST_ATTEMPTS, best_instance, is_replayable, next_request, pause_before
from exo_core.gateway.sent_prompts import SentPrompts
from exo_core.gateway.standstill import LONGEST_STANDSTILL_S, LOOK_S, Pace, Standstill
from exo_core.gateway.waiting import InstanceFinder
from exo_core.identifiers import InstanceId, ModelId
from exo_core.messaging import Messenger
from exo_core.placement import Shard
from exo_core.requests import Accepted, Answer, Chunk, EngineRequest, Failed, Generate, Progress, Refused, Result


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What all requests of one gateway share."""

    messenger: Messenger
    heads: LocalHeads
    finder: InstanceFinder
    in_flight: Counter[InstanceId] = field(default_factory=Counter[InstanceId])
    sent: SentPrompts = field(default_factory=SentPrompts)


@final
class ReplayedRequest:
    """`deliver` takes what the client may have; `replayed` the code that ended an attempt which is not the last."""

    def __init__(
        self,
        request: EngineRequest,
        model_id: ModelId,
        around: Surroundings,
        *,
        deliver: Callable[[Answer], None],
        replayed: Callable[[str], None],
    ) -> None:
        self._request = request
        self._beginnings = around.sent.beginnings(request)
        self._model_id = model_id
        self._around = around
        self._deliver = deliver
        self._replayed = replayed
        self._delivery = Delivery(*_choices_of(request))
        self._standstill = Standstill(_now())
        self._failures: Counter[InstanceId] = Counter()
        """Of each instance, since something last moved."""
        self.is_over = False
        """Whether the last answer was delivered."""
        self._calls = 0
        self._accepted = 0
        self._may_place = True
        """A replay places nothing: whoever removed the instance meant it. Not so when that was because it was idle."""

    async def run(self) -> None:
        """Deliver everything up to the last answer."""
        try:
            while True:
                instance_id, head = await self._find()
                end = await self._ask(instance_id, head)
                if end is None:
                    return
                self._failures[instance_id] += 1
                self._may_place = end.code == "unloaded"
                last = self._last_words(end, instance_id)
                if last is not None:
                    self._end(last)
                    return
                self._replayed(end.code)
        except RequestRefused as refusal:
            self._end(Refused(status=refusal.status, code=refusal.code, message=refusal.message))

    # where to ----------------------------------------------------------------------------------------------

    async def _find(self) -> tuple[InstanceId, Shard]:
        """The instance that is asked next, and its head. Raises `RequestRefused`."""
        finder, model_id = self._around.finder, self._model_id
        await asyncio.sleep(pause_before(min((self._failures[name] for name in finder.ready(model_id)), default=0)))
        waiting = finder.wait_until_ready(model_id, self._standstill, is_replay=not self._may_place)
        async with aclosing(waiting) as steps:
            async for progress in steps:
                self._deliver(progress)
        heads = finder.ready(model_id)
        sent = self._around.sent
        common = {name: sent.common(name, self._beginnings) for name in heads}
        chosen = best_instance(heads, self._failures, self._around.in_flight, common)
        if chosen is None:
            raise RequestRefused(503, "instance_lost", f"{model_id} is not ready any more; ask again")
        return chosen, heads[chosen]

    def _another_is_ready(self, instance_id: InstanceId) -> bool:
        return any(name != instance_id for name in self._around.finder.ready(self._model_id))

    def _all_have_failed(self) -> bool:
        return all(self._failures[name] for name in self._around.finder.ready(self._model_id))

    # one attempt -------------------------------------------------------------------------------------------

    async def _ask(self, instance_id: InstanceId, head: Shard) -> Refused | Failed | None:
        """One attempt; what ended it if that need not be the end of the request."""
        around = self._around
        around.in_flight[instance_id] += 1
        around.sent.sent(instance_id, self._beginnings)
        try:
            call = EngineCall(runner_id=head.runner_id, epoch=around.finder.epoch(), request=self._next_request())
            async with Attempt(call_engine(around.messenger, head.node_id, around.heads, call)) as attempt:
                return await self._pass_on(attempt, instance_id)
        finally:
            around.in_flight[instance_id] -= 1

    def _next_request(self) -> EngineRequest:
        self._calls += 1
        if self._calls == 1:
            return self._request
        return next_request(self._request, self._delivery.next_attempt(), self._delivery.delivered)

    async def _pass_on(self, attempt: Attempt, instance_id: InstanceId) -> Refused | Failed | None:
        pace = Pace(_now())
        while True:
            answer = await self._next(attempt, pace, instance_id)
            if is_replayable(answer):
                return answer
            pace.saw(answer, _now())
            self._take(answer)
            if self._delivery.finished or isinstance(answer, Refused | Failed | Result):
                self.is_over = True
                return None

    async def _next(self, attempt: Attempt, pace: Pace, instance_id: InstanceId) -> Answer:
        """The next answer, or a failure in its place when the attempt broke off or stalled."""
        while True:
            until = min(_now() + LOOK_S, self._standstill.deadline)
            try:
                answer = await attempt.next(until)
            except TimeoutError:
                self._forgive(pace, _now() - until)
                if self._should_give_up(pace, instance_id):
                    return Failed(code="stalled", message=f"no progress for {LONGEST_STANDSTILL_S:.0f} s; ask again")
            else:
                return answer if answer is not None else instance_lost("the answer broke off; ask again")

    def _forgive(self, pace: Pace, seconds: float) -> None:
        """We woke up so much later than we wanted: that is not the engine's fault."""
        pace.forgive(seconds)
        self._standstill.forgive(seconds)

    def _should_give_up(self, pace: Pace, instance_id: InstanceId) -> bool:
        """Whether a silent attempt is worth no more waiting: as long as nobody else could answer, it is."""
        if _now() >= self._standstill.deadline:
            return True
        is_ready = instance_id in self._around.finder.ready(self._model_id)
        return (_now() >= pace.stalled_at or not is_ready) and self._another_is_ready(instance_id)

    def _take(self, answer: Answer) -> None:
        match answer:
            case Accepted():
                self._accepted += 1
                if self._accepted == 1:
                    self._deliver(answer)
            case Refused() | Failed():
                self._end(answer)
            case Chunk():
                self._take_chunk(answer)
            case Progress() | Result():
                self._moved()
                self._deliver(answer)

    def _take_chunk(self, chunk: Chunk) -> None:
        admitted = self._delivery.admit(chunk)
        if admitted is not None:
            self._moved()
            self._deliver(admitted)

    def _moved(self) -> None:
        self._standstill.moved(_now())
        self._failures.clear()

    # ends --------------------------------------------------------------------------------------------------

    def _last_words(self, end: Refused | Failed, instance_id: InstanceId) -> Refused | Failed | None:
        """What the request ends with; None when it is tried again."""
        if end.code == "unloaded":
            return None if _now() < self._standstill.deadline else end
        if not self._around.finder.is_wished(instance_id) and not self._another_is_ready(instance_id):
            message = f"the instance {instance_id} was removed during the answer; ask again to place the model"
            return instance_lost(message)
        if end.code == "queue_full" and self._all_have_failed():
            return end
        if self._accepted >= MOST_ATTEMPTS:
            return Failed(code=end.code, message=f"{MOST_ATTEMPTS} attempts broke off, the last because {end.message}")
        return end if _now() >= self._standstill.deadline else None

    def _end(self, answer: Refused | Failed) -> None:
        """The last answer: what was accepted can only fail."""
        self.is_over = True
        self._deliver(Failed(code=answer.code, message=answer.message) if self._accepted else answer)


def _choices_of(request: EngineRequest) -> tuple[int, tuple[tuple[int, ...], ...]]:
    """How many choices a request has, and what the client has of them already."""
    return (request.choices, request.delivered) if isinstance(request, Generate) else (1, ())


def _now() -> float:
    return asyncio.get_running_loop().time()
