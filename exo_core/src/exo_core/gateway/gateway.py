"""A client's request from its first byte to its last: wait for an instance, call its head, deliver exactly once."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, final

from exo_core.errors import RequestRefused
from exo_core.gateway.backlog import Backlog
from exo_core.gateway.delivery import Delivery
from exo_core.gateway.engine_calls import STREAM, EngineCall, FindHead, call_engine, instance_lost, serve_engine_call
from exo_core.gateway.observed_request import ObservedRequest
from exo_core.gateway.waiting import InstanceFinder
from exo_core.identifiers import InstanceId, ModelId, RequestId
from exo_core.messaging import Messenger, Stream
from exo_core.observations import Observe
from exo_core.requests import Answer, Chunk, EngineRequest, Failed, Generate, Refused, Result
from exo_core.task_scope import TaskScope

if TYPE_CHECKING:
    from exo_core.placement import Shard

logger = logging.getLogger(__name__)

LONGEST_SILENCE_S = 60.0
"""Without a token, a prefilled chunk, loaded bytes or an advance in the queue."""
STOPPING = "this node is stopping; ask another"


@final
class Gateway:
    """All requests whose client's socket this node holds."""

    def __init__(
        self, *, messenger: Messenger, find_head: FindHead, finder: InstanceFinder, observe: Observe = lambda _: None
    ) -> None:
        self._messenger = messenger
        self._observe = observe
        self._find_head = find_head
        self._finder = finder
        self._in_flight: Counter[InstanceId] = Counter()
        self._running: dict[RequestId, asyncio.Task[None]] = {}
        self._tasks = TaskScope()
        self._stopping = False
        messenger.on_stream(STREAM, self._serve)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Parent of all pumps; leaving cancels every request."""
        async with self._tasks:
            yield

    def stop(self) -> None:
        """This node stops: every request ends with words that say so, and no more are taken."""
        self._stopping = True
        for task in list(self._running.values()):
            task.cancel()

    def cancel(self, request_id: RequestId) -> bool:
        """End a request of this gateway."""
        task = self._running.get(request_id)
        return task is not None and task.cancel()

    async def generate(self, request: EngineRequest, model_id: ModelId) -> AsyncGenerator[Answer]:
        """See `NodeHandle.generate`."""
        backlog = Backlog()
        if request.request_id in self._running:
            yield Refused(status=409, code="duplicate_request", message="a request with this id is running")
            return
        pump = None
        if not self._stopping:
            pump = self._tasks.start(self._pump(request, model_id, backlog), f"request {request.request_id}")
        if pump is None:
            yield Refused(status=503, code="stopping", message=STOPPING)
            return
        self._running[request.request_id] = pump
        pump.add_done_callback(lambda _: backlog.end())  # also when it was cancelled before its first step
        try:
            while (answer := await backlog.get()) is not None:
                yield answer
        finally:
            pump.cancel()
            self._running.pop(request.request_id, None)

    async def _pump(self, request: EngineRequest, model_id: ModelId, backlog: Backlog) -> None:
        """Move answers from the engine into the backlog; whatever goes wrong becomes the last of them."""
        observed = ObservedRequest(request.request_id, self._observe)
        try:
            async with aclosing(self._answers(request, model_id)) as answers:
                async for answer in answers:
                    observed.saw(answer)
                    if not backlog.put(answer):
                        backlog.put(Failed(code="client_too_slow", message="the client read too slowly; cancelled"))
                        return
        except asyncio.CancelledError:
            stopped = Failed(code="stopping", message=STOPPING)
            backlog.put(stopped if self._stopping else Failed(code="cancelled", message="the request was cancelled"))
            raise
        except RequestRefused as refusal:
            backlog.put(Refused(status=refusal.status, code=refusal.code, message=refusal.message))
        except Exception:
            logger.exception("request %s failed", request.request_id)
            backlog.put(Failed(code="internal_error", message="the node failed to pass the answer on. See: exo logs"))
        finally:
            observed.finished()

    async def _answers(self, request: EngineRequest, model_id: ModelId) -> AsyncGenerator[Answer]:
        async with aclosing(self._finder.wait_until_ready(model_id)) as steps:
            async for progress in steps:
                yield progress
        instance_id, head = self._finder.choose(model_id, self._in_flight)
        self._in_flight[instance_id] += 1
        try:
            async with aclosing(self._delivered(request, head)) as answers:
                async for answer in answers:
                    yield self._explained(answer, instance_id)
        finally:
            self._in_flight[instance_id] -= 1

    def _explained(self, answer: Answer, instance_id: InstanceId) -> Answer:
        """What the runner took for an accident may have been a person's wish."""
        if not isinstance(answer, Failed) or answer.code != "instance_lost" or self._finder.is_wished(instance_id):
            return answer
        return instance_lost(f"the instance {instance_id} was removed during the answer; ask again to place the model")

    async def _delivered(self, request: EngineRequest, head: Shard) -> AsyncGenerator[Answer]:
        """Answers of one attempt, each token once; silence becomes an error."""
        delivery = Delivery(request.choices if isinstance(request, Generate) else 1)
        call = EngineCall(runner_id=head.runner_id, epoch=self._finder.epoch(), request=request)
        async with aclosing(call_engine(self._messenger, head.node_id, self._find_head, call)) as answers:
            while True:
                try:
                    async with asyncio.timeout(LONGEST_SILENCE_S):
                        answer = await anext(answers, None)
                except TimeoutError:
                    answer = Failed(code="stalled", message=f"no progress for {LONGEST_SILENCE_S:.0f} s; ask again")
                if answer is None:
                    answer = instance_lost("the answer broke off; ask again")
                admitted = delivery.admit(answer) if isinstance(answer, Chunk) else answer
                if admitted is not None:
                    yield admitted
                if delivery.finished or isinstance(answer, Refused | Failed | Result):
                    return

    async def _serve(self, stream: Stream, opening: bytes) -> None:
        await serve_engine_call(stream, opening, self._find_head)
