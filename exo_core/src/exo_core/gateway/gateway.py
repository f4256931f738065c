"""A client's request from its first byte to its last, whatever becomes of those who answer it and of those who ask.

A gateway that was closed (its node drains) takes no new requests: none of its clients, and for heads of this node none
of other gateways. What runs goes on, until it is stopped: then clients are told, and other gateways get theirs back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import final

from exo_core.gateway.backlog import Backlog
from exo_core.gateway.engine_calls import STREAM, hand_back, serve_engine_call
from exo_core.gateway.local_heads import LocalHeads
from exo_core.gateway.observed_request import ObservedRequest
from exo_core.gateway.replayed_request import ReplayedRequest, Surroundings
from exo_core.gateway.waiting import InstanceFinder
from exo_core.gateway.work_in_hand import WorkInHand
from exo_core.identifiers import ModelId, RequestId
from exo_core.messaging import Messenger, Stream
from exo_core.observations import Observe
from exo_core.raised_at import raised_at
from exo_core.requests import Answer, EngineRequest, Failed, Refused, made_exact
from exo_core.task_scope import TaskScope

logger = logging.getLogger(__name__)

STOPPING = "this node is stopping; ask another"
MOST_REQUESTS = 2048
"""Of clients of one node at once, unless told."""


@final
class Gateway:
    """All requests whose client's socket this node holds, `most` at once; the others are refused.

    `exact`: each is made so, whether it asks for that or not.
    """

    def __init__(
        self,
        *,
        messenger: Messenger,
        heads: LocalHeads,
        finder: InstanceFinder,
        most: int = MOST_REQUESTS,
        exact: bool = False,
        observe: Observe = lambda _: None,
    ) -> None:
        self._observe = observe
        self._heads = heads
        self._most = most
        self._exact = exact
        self._around = Surroundings(messenger=messenger, heads=heads, finder=finder)
        self._running: dict[RequestId, asyncio.Task[None]] = {}
        self._tasks = TaskScope()
        self._work = WorkInHand()
        self._stopping = asyncio.Event()
        messenger.on_stream(STREAM, self._serve)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Parent of all pumps; leaving cancels every request."""
        async with self._tasks:
            yield

    @property
    def is_draining(self) -> bool:
        """Whether no new requests are taken."""
        return self._work.is_closed

    def close(self) -> None:
        """Take no new requests."""
        self._work.close()

    async def none_left(self) -> None:
        """Wait until no request runs."""
        await self._work.none_left()

    def stop(self) -> None:
        """This node stops: every request ends with words that say so or is handed back, and no more are taken."""
        self._work.close()
        self._stopping.set()
        for task in list(self._running.values()):
            task.cancel()

    def cancel(self, request_id: RequestId) -> bool:
        """End a request of this gateway."""
        task = self._running.get(request_id)
        return task is not None and task.cancel()

    async def generate(self, request: EngineRequest, model_id: ModelId) -> AsyncGenerator[Answer]:
        """See `NodeHandle.generate`."""
        request, backlog = made_exact(request) if self._exact else request, Backlog()
        refusal = self._why_not(request.request_id)
        if refusal is not None:
            yield refusal
            return
        pump = self._tasks.start(self._pump(request, model_id, backlog), f"request {request.request_id}")
        if pump is None:
            yield _stopping()
            return
        self._running[request.request_id] = pump
        pump.add_done_callback(lambda _: backlog.end())  # also when it was cancelled before its first step
        with self._work.one():
            try:
                while (answer := await backlog.get()) is not None:
                    yield answer
            finally:
                pump.cancel()
                self._running.pop(request.request_id, None)

    def _why_not(self, request_id: RequestId) -> Refused | None:
        """Why a request is not taken; None when it is."""
        if request_id in self._running:
            return Refused(status=409, code="duplicate_request", message="a request with this id is running")
        if self._work.is_closed:
            return _stopping()
        if len(self._running) >= self._most:
            message = f"this node answers {self._most} requests already; ask again in a moment"
            return Refused(status=429, code="too_many_requests", message=message)
        return None

    async def _pump(self, request: EngineRequest, model_id: ModelId, backlog: Backlog) -> None:
        """Move answers from the engine into the backlog; whatever goes wrong becomes the last of them."""
        observed = ObservedRequest(request.request_id, self._observe)
        replayed = ReplayedRequest(
            request, model_id, self._around, deliver=partial(_deliver, observed, backlog), replayed=observed.replayed
        )
        try:
            await replayed.run()
        except _ClientTooSlow:
            _fail(observed, backlog, "client_too_slow", "the client read too slowly; cancelled")
        except asyncio.CancelledError:
            if not replayed.is_over:  # a client that has its answer hangs up
                is_stopping = self._stopping.is_set()
                code, message = ("stopping", STOPPING) if is_stopping else ("cancelled", "the request was cancelled")
                _fail(observed, backlog, code, message)
            raise
        except Exception as problem:
            logger.error("request %s failed: %s", request.request_id, raised_at(problem))
            _fail(observed, backlog, "internal_error", "the node failed to pass the answer on. See: exo logs")
        finally:
            observed.finished()

    async def _serve(self, stream: Stream, opening: bytes) -> None:
        if self._work.is_closed:
            await hand_back(stream)
            return
        with self._work.one():
            await serve_engine_call(stream, opening, self._heads, until=self._stopping)


def _stopping() -> Refused:
    return Refused(status=503, code="stopping", message=STOPPING)


def _deliver(observed: ObservedRequest, backlog: Backlog, answer: Answer) -> None:
    observed.saw(answer)
    if not backlog.put(answer):
        raise _ClientTooSlow


def _fail(observed: ObservedRequest, backlog: Backlog, code: str, message: str) -> None:
    """The last answer; the backlog may be full."""
    failed = Failed(code=code, message=message)
    observed.saw(failed)
    backlog.put(failed)


class _ClientTooSlow(Exception):
    """The client is further behind than a backlog may hold."""
