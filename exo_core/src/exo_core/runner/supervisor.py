"""Keeps one shard's runner alive: starts it, tells it its neighbours, passes requests, starts it again when it dies.

| status      | meaning                                                         | next                       |
|-------------|-----------------------------------------------------------------|----------------------------|
| starting    | the process exists                                              | loading, failed            |
| loading     | weights are read                                                | warming_up, failed         |
| warming_up  | loaded; waits for neighbours, or for the first token            | ready, failed              |
| ready, busy | answers requests (busy: it does)                                | warming_up (a link broke)  |
| failed      | the load failed, three crashes in a minute, or five without being ready; it is not tried again |
| stopped     | as asked                                                                                     |

A crash leads from any status back to starting. So does a hang: a process that answers no ping is killed, one whose
engine hangs (`engine_watch`) ends by itself.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace
from typing import final

from exo_core.errors import LinkClosed, WireError
from exo_core.identifiers import Epoch, RunnerId
from exo_core.identity.leaf import RunnerCertificate
from exo_core.placement import ShardAssignment
from exo_core.requests import Answer, EngineRequest, Failed
from exo_core.runner import messages
from exo_core.runner.crashes import CrashCounter
from exo_core.runner.last_words import last_words
from exo_core.runner.open_calls import OpenCalls
from exo_core.runner.order import RunnerOrder
from exo_core.runner.pinging import until_silent
from exo_core.runner.process_watch import ProcessWatch
from exo_core.runner.remaining import Remaining
from exo_core.runner.spawn import RunnerChild, spawn_runner
from exo_core.runner.status import RunnerState
from exo_core.telemetry import RunnerTelemetry
from exo_core.transports import Peer

logger = logging.getLogger(__name__)

STOP_PATIENCE_S = 2.0
RESTART_PAUSE_S = 0.2
_LOADS = ("starting", "loading")


def _nothing() -> None: ...


def _ignore_detail(_: str) -> None: ...


def _ignore_signal(_: Peer, __: bytes) -> None: ...


def _ignore_caches(_: messages.CachesTake) -> None: ...


@dataclass(frozen=True, kw_only=True)
class RunnerHooks:
    """What a supervisor needs of its node and whom it tells. All are called on the event loop and must not block.

    `certify` vouches for the runner's public key. `next_start` counts the starts of runners on this node, also across
    restarts of the node: never the same number twice. `on_change` follows every change of telemetry.
    """

    certify: Callable[[RunnerId, bytes], RunnerCertificate]
    next_start: Callable[[], int]
    epoch: Callable[[], Epoch]
    on_change: Callable[[], None] = _nothing
    on_ready: Callable[[], None] = _nothing
    on_failed: Callable[[str], None] = _ignore_detail
    on_caches: Callable[[messages.CachesTake], None] = _ignore_caches
    relay: Callable[[Peer, bytes], None] = _ignore_signal
    now: Callable[[], float] = field(default=time.monotonic)


@final
class RunnerSupervisor:
    """One runner. Everything belongs to the event loop; `run` is the task that the others rely on."""

    def __init__(self, order: RunnerOrder, hooks: RunnerHooks) -> None:
        self._order = order
        self._hooks = hooks
        self._state = RunnerState(order.assignment, hooks.on_change)
        self._crashes = CrashCounter()
        self._calls = OpenCalls()
        self._child: RunnerChild | None = None
        self._neighbours: messages.Neighbours | None = None
        self._stopping = False
        self._started = False
        self._hang: messages.Hangs | None = None
        """Why the present process was ended, if it hung."""
        self._ended = asyncio.Event()

    @property
    def runner_id(self) -> RunnerId:
        """Whom it keeps alive."""
        return self._order.assignment.shard.runner_id

    @property
    def assignment(self) -> ShardAssignment:
        """The shard, as it was last told."""
        return self._order.assignment

    @property
    def telemetry(self) -> RunnerTelemetry:
        """How the runner is now."""
        return self._state.telemetry(busy=len(self._calls) > 0)

    @property
    def tickets(self) -> tuple[str, ...]:
        """By which the previous stage reaches it; empty until it listens."""
        return self._state.tickets

    @property
    def is_ready(self) -> bool:
        """Whether requests are answered now."""
        return self._state.status == "ready"

    @property
    def _over(self) -> bool:
        return self._stopping or self._state.has_failed

    # life ------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the runner alive until `stop`, or until it failed for good."""
        try:
            self._started = True
            while not self._over:
                how = await self._live()
                if not self._over:
                    await self._crashed(how)
        finally:
            self._ended.set()
            if not self._state.has_failed:
                self._state.change("stopped")

    async def stop(self) -> None:
        """End the runner within two seconds, by force if need be. Requests that are open fail."""
        self._stopping = True
        if self._child is not None:
            self._child.pipe.send(messages.Stop())
        if self._started:
            await self._until_ended()

    async def _until_ended(self) -> None:
        """Wait for the process to obey, and then for its end by force."""
        try:
            async with asyncio.timeout(STOP_PATIENCE_S):
                await self._ended.wait()
        except TimeoutError:
            if self._child is not None:
                self._child.kill()
            await self._ended.wait()

    def update(self, assignment: ShardAssignment) -> None:
        """The same shard under a newer placement; weights stay, the next start gets the new one."""
        self._order = replace(self._order, assignment=assignment)
        self._state.assignment = assignment

    def resize_caches(self, kv_bytes: int) -> None:
        """The shard's caches may take so many bytes, now and after the next start. `on_caches` says when they do."""
        assignment = self._order.assignment.model_copy(update={"kv_bytes": kv_bytes})
        self._order = replace(self._order, assignment=assignment)
        if self._child is None:
            self._hooks.on_caches(messages.CachesTake(kv_bytes=kv_bytes, can_change=True))
        else:
            self._child.pipe.send(messages.CachesMayTake(kv_bytes=kv_bytes))

    def set_neighbours(self, *, previous: messages.Neighbour, following: messages.Neighbour, epoch: Epoch) -> None:
        """Who the previous and the next stage are, and how the next one is reached. Say it again when that changes."""
        self._neighbours = messages.Neighbours(epoch=epoch, previous=previous, following=following)
        self._tell_neighbours()

    def signal(self, sender: Peer, message: bytes) -> None:
        """Pass on what another party's `Signaller` sent to this runner. Best effort."""
        if self._child is not None:
            self._child.pipe.send(messages.SignalIn(node_id=sender.node_id, role=sender.role, message=message))

    # requests --------------------------------------------------------------------------------------------

    async def generate(self, request: EngineRequest, epoch: Epoch) -> AsyncGenerator[Answer, None]:
        """Ask the engine; only the head of a ready instance answers. Closing the generator cancels the request."""
        child = self._child
        if child is None or not self.is_ready:
            yield Failed(code="instance_lost", message=f"the runner is {self._state.status}; ask again")
            return
        number, answers = self._calls.open()
        remaining = Remaining(request)
        self._hooks.on_change()
        child.pipe.send(messages.Submit(epoch=epoch, call=number, request=request))
        try:
            while not remaining.over:
                answer = await answers.get()
                remaining.take(answer)
                yield answer
        finally:
            self._calls.close(number)
            self._hooks.on_change()
            if not remaining.over:
                child.pipe.send(messages.CancelCall(call=number))

    # one process -----------------------------------------------------------------------------------------

    async def _live(self) -> str:
        """One process from start to end; how it ended."""
        child = self._child = await spawn_runner(
            backend=self._order.components.backend, log=self._order.log, threads=self._order.threads
        )
        how, self._hang = "", None
        watch = ProcessWatch(self._order.patience, asyncio.get_running_loop().time())
        watching = asyncio.create_task(self._watch(child, watch), name=f"watching {self.runner_id}")
        try:
            self._state.pid = child.process.pid
            self._state.change("starting")
            child.pipe.send(messages.Stop() if self._stopping else self._start_message())
            await self._hear_all(child, watch)
        except LinkClosed:
            pass
        except WireError as problem:
            how = f"it sent what no runner sends ({problem}); "
            child.kill()
        finally:
            watching.cancel()
            self._lost()
            how += f"{self._hang.detail}; " if self._hang is not None else ""
            how += await asyncio.shield(child.end(patience=STOP_PATIENCE_S))
        words = last_words(self._order.log, since=child.log_start)
        return f"{how}{'; its last words: ' if words else ''}{words}"

    async def _watch(self, child: RunnerChild, watch: ProcessWatch) -> None:
        self._end_hanging(child, await until_silent(child.pipe, watch, lambda: self._state.status in _LOADS))

    def _end_hanging(self, child: RunnerChild, hang: messages.Hangs) -> None:
        self._hang = hang
        child.kill()

    def _lost(self) -> None:
        """The process is gone, or as good as gone: nobody may wait for it."""
        self._child = None
        self._state.tickets = ()
        self._state.pid = 0
        if not self._state.has_failed:
            self._state.change("stopped" if self._stopping else "starting", "its process is gone")
        self._calls.fail_all("the runner that held the model is gone; ask again")

    def _start_message(self) -> messages.Start:
        start = self._hooks.next_start()
        self._state.started(start)
        self._hooks.on_caches(messages.CachesTake(kv_bytes=self._order.assignment.kv_bytes, can_change=True))
        return messages.Start(
            epoch=self._hooks.epoch(),
            components=self._order.components,
            assignment=self._order.assignment,
            folder=str(self._order.folder),
            start=start,
            listen=self._order.listen,
            patience=self._order.patience,
        )

    async def _hear_all(self, child: RunnerChild, watch: ProcessWatch) -> None:
        while True:
            message = await child.pipe.receive()
            watch.heard(asyncio.get_running_loop().time())
            if isinstance(message, messages.Answers):
                self._calls.deliver(message)
            else:
                self._hear(child, message)

    def _hear(self, child: RunnerChild, message: messages.FromRunner) -> None:
        match message:
            case messages.CertificateRequest():
                certificate = self._hooks.certify(self.runner_id, message.public_key)
                child.pipe.send(messages.CertificateGranted(certificate=certificate))
            case messages.Tickets():
                self._state.tickets = message.tickets
                self._tell_neighbours()
                self._hooks.on_change()
            case messages.Loading():
                self._state.loading(message.progress)
            case messages.Ready():
                self._ready(message)
            case messages.Remark():
                self._state.remarked(message.remark)
            case messages.Unlinked():
                self._state.change("warming_up", f"waits for its neighbours: {message.detail}")
            case messages.CachesTake():
                self._hooks.on_caches(message)
            case messages.SignalOut():
                self._hooks.relay(Peer(node_id=message.node_id, role=message.role), message.message)
            case messages.CannotServe():
                self._fail(message.detail)
            case messages.Hangs():
                self._end_hanging(child, message)
            case messages.Pong():
                pass  # that it came was noted
            case _:
                logger.warning("runner %s sent %s, which was not asked for", self.runner_id, message.type)

    def _ready(self, message: messages.Ready) -> None:
        self._crashes.was_ready()
        self._state.ready(message.run)
        self._hooks.on_ready()

    def _tell_neighbours(self) -> None:
        if self._child is not None and self._neighbours is not None:
            self._child.pipe.send(self._neighbours)

    # ends ------------------------------------------------------------------------------------------------

    async def _crashed(self, how: str) -> None:
        logger.warning("runner %s crashed: %s", self.runner_id, how)
        waited = self._hang.seconds if self._hang is not None else 0.0
        too_often = self._crashes.crashed(self._hooks.now(), waited=waited)
        if too_often is not None:
            self._fail(f"the runner crashed {too_often}: {how}")
            return
        self._state.change("starting", f"crashed and starts again: {how}")
        await asyncio.sleep(RESTART_PAUSE_S)

    def _fail(self, detail: str) -> None:
        self._state.change("failed", detail)
        self._hooks.on_failed(detail)
