"""A runner that holds a shard: what each message from its node makes it do, and what it tells its node."""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exo_core.backends import Engine, LoadProgress, Remarks
from exo_core.errors import LinkClosed, WireError
from exo_core.identity.leaf import RunnerCertificate, runner_identity
from exo_core.raised_at import raised_at
from exo_core.requests import Answer, Chunk, Failed, Refused
from exo_core.runner.acceptor import listening
from exo_core.runner.answer_outlet import AnswerOutlet
from exo_core.runner.cache_answers import CacheAnswers
from exo_core.runner.calls import EngineCalls
from exo_core.runner.components import make_backend, make_transports
from exo_core.runner.dialler import TransportDialler
from exo_core.runner.engine_thread import EngineThread, NoLinks
from exo_core.runner.engine_watch import EngineWatch, Hang
from exo_core.runner.epoch_fence import EpochFence
from exo_core.runner.messages import (
    Answers,
    CachesMayTake,
    CachesTake,
    CancelCall,
    CertificateGranted,
    CertificateRequest,
    Hangs,
    Loading,
    Neighbours,
    Ping,
    Pong,
    Ready,
    Remark,
    SignalIn,
    Start,
    Stop,
    Submit,
    Tickets,
    ToRunner,
    Unlinked,
)
from exo_core.runner.one_shot_work import cannot_serve
from exo_core.runner.pipe import RunnerPipe
from exo_core.runner.pipe_signaller import PipeSignaller
from exo_core.runner.ring import RingMaker
from exo_core.runner.ticks import tick
from exo_core.runner.warm_up import WARM_UP_ID, warm_up_request
from exo_core.transports import TransportContext

logger = logging.getLogger(__name__)

LAST_PATIENCE_S = 1.8
"""A runner ends within 2 s of the end of its pipe."""
ENGINE_PATIENCE_S = 1.0
"""How long an engine gets to return after `stop`; then the process ends without it."""


@final
class ShardRunner:
    """Lives on the event loop. It is the engine thread's `events` too: what that says is carried to the loop."""

    def __init__(self, pipe: RunnerPipe, start: Start) -> None:
        self._loop = asyncio.get_running_loop()
        self._pipe = pipe
        self._start = start
        self._fence = EpochFence()
        self._fence.admits(start.epoch)
        self._rings = RingMaker()
        self._signaller = PipeSignaller(pipe.send)
        self._calls = EngineCalls(AnswerOutlet(self._loop, self._send_answers).put)
        self._watch = EngineWatch(start.patience, self._loop.time())
        self._engine: Engine | None = None
        self._caches = CacheAnswers(start.assignment.kv_bytes, self._report_caches)
        self._runs = 0
        self._remark = ""
        self._certificate: asyncio.Future[RunnerCertificate] = self._loop.create_future()
        self._ending: asyncio.Future[int] = self._loop.create_future()
        self._engine_ended = asyncio.Event()

    async def run(self) -> int:
        """Serve until the node or the engine ends it; the process's exit status."""
        thread = EngineThread(load=self._load, rings=self._rings if self._has_neighbours else NoLinks(), events=self)
        thread.start()
        async with AsyncExitStack() as opened:
            obeying = asyncio.ensure_future(self._obey_all())
            preparing = asyncio.ensure_future(self._prepare(opened))
            watching = asyncio.ensure_future(self._watch_engine())
            await asyncio.wait((obeying, self._ending), return_when=asyncio.FIRST_COMPLETED)
            self._loop.call_later(LAST_PATIENCE_S, os._exit, 1)  # whatever a transport or a thread still waits for
            self._rings.stop()
            await self._stop_engine()
            for task in (obeying, preparing, watching):
                task.cancel()
            await self._pipe.close()
        return self._ending.result() if self._ending.done() else 0

    # what the node says ----------------------------------------------------------------------------------

    async def _obey_all(self) -> None:
        try:
            while not isinstance(message := await self._pipe.receive(), Stop):
                self._obey(message)
        except LinkClosed:
            logger.info("the node is gone")
        except WireError as problem:
            logger.error("the node sent what no node sends: %s", problem)  # it quotes nothing
            self._end(1)

    def _obey(self, message: ToRunner) -> None:
        match message:
            case CertificateGranted():
                self._certificate.set_result(message.certificate)
            case Neighbours():
                if self._admits(message):
                    self._rings.meet(message)
            case CachesMayTake():
                self._caches.may_take(message.kv_bytes)
            case Submit():
                self._submit(message)
            case CancelCall():
                self._calls.cancel(message.call)
            case SignalIn():
                self._signaller.deliver(message)
            case Ping():
                self._pipe.send(Pong())
            case _:
                logger.warning("a runner that holds a shard ignores %s", message.type)

    def _admits(self, message: Neighbours | Submit) -> bool:
        admitted = self._fence.admits(message.epoch)
        if not admitted:
            logger.warning("refused a %s of the older epoch %s", message.type, message.epoch)
        return admitted

    def _submit(self, message: Submit) -> None:
        if not self._admits(message):
            self._calls.refuse(message.call, "fenced", "it came under an older master than this runner has heard of")
        elif self._engine is None or self._start.assignment.shard.stage != 0:
            self._calls.refuse(message.call, "not_ready", "this runner cannot answer requests now")
        else:
            self._calls.submit(self._engine, message)

    # finding the neighbours ------------------------------------------------------------------------------

    @property
    def _has_neighbours(self) -> bool:
        return self._start.assignment.shard.stages > 1

    async def _prepare(self, opened: AsyncExitStack) -> None:
        """Get a certificate for a key of our own, and listen."""
        if not self._has_neighbours:
            return
        try:
            key = Ed25519PrivateKey.generate()
            self._pipe.send(CertificateRequest(public_key=key.public_key().public_bytes_raw()))
            context = TransportContext(
                identity=runner_identity(await self._certificate, key),
                signaller=self._signaller,
                listen=self._start.listen,
            )
            transports = make_transports(self._start.components, context)
            tickets = await opened.enter_async_context(listening(transports, self._rings.offer))
        except Exception as problem:  # told to the node: without links there is no shard
            logger.exception("cannot be reached by other stages")
            self._give_up(problem)
            return
        self._pipe.send(Tickets(tickets=tickets))
        self._rings.can_dial(TransportDialler(transports, self._loop))

    # what the engine thread says -------------------------------------------------------------------------

    def _load(self) -> Engine:
        start = self._start
        backend = make_backend(start.components)
        self._loop.call_soon_threadsafe(self._caches.meet_backend, backend)
        return backend.load(
            start.assignment,
            generation_base=(start.assignment.placement.placement_id, start.start),
            folder=Path(start.folder),
            progress=self._progress,
        )

    def _progress(self, progress: LoadProgress) -> None:
        self._loop.call_soon_threadsafe(self._report_load, progress)

    def _report_caches(self, taken: CachesTake) -> None:
        """Called on any thread."""
        self._loop.call_soon_threadsafe(self._pipe.send, taken)

    def loaded(self, engine: Engine) -> None:
        """The weights are here."""
        self._loop.call_soon_threadsafe(self._keep, engine)

    def linked(self) -> None:
        """A ring is complete."""
        self._loop.call_soon_threadsafe(self._warm_up)

    def unlinked(self, detail: str) -> None:
        """A ring broke."""
        self._loop.call_soon_threadsafe(self._report_unlinked, detail)

    def load_failed(self, problem: Exception) -> None:
        """This shard cannot be loaded here."""
        self._loop.call_soon_threadsafe(self._give_up, problem)

    def ended(self, problem: BaseException | None) -> None:
        """The engine returned, or broke: a crash, which the node may answer by a new start."""
        if problem is not None:
            logger.error("the engine broke: %s", raised_at(problem))
        self._loop.call_soon_threadsafe(self._engine_ended.set)
        self._loop.call_soon_threadsafe(self._end, 0 if problem is None else 1)

    # on the loop -----------------------------------------------------------------------------------------

    def _report_load(self, progress: LoadProgress) -> None:
        self._watch.does("loading", self._loop.time())
        self._pipe.send(Loading(progress=progress))

    def _keep(self, engine: Engine) -> None:
        self._engine = engine
        self._watch.does("waiting", self._loop.time())
        self._caches.meet_engine(engine)

    def _report_unlinked(self, detail: str) -> None:
        self._watch.does("waiting", self._loop.time())
        self._pipe.send(Unlinked(detail=detail))

    def _send_answers(self, answers: Answers) -> None:
        for answered in answers.answers:
            self._watch.answered(answered.call, token=isinstance(answered.answer, Chunk), now=self._loop.time())
        self._pipe.send(answers)

    def _warm_up(self) -> None:
        """The head is ready when a token came out, the others when they are linked."""
        self._runs += 1
        if self._start.assignment.shard.stage != 0 or self._engine is None:
            self._report_ready(self._runs)
            return
        self._watch.does("warming_up", self._loop.time())
        self._pipe.send(Loading(progress=LoadProgress(phase="warming_up", done=0, total=1)))
        self._engine.submit(warm_up_request(), partial(self._warm_up_answer, self._runs))

    def _warm_up_answer(self, run: int, answer: Answer) -> None:
        """Called on the engine thread."""
        if isinstance(answer, Chunk) and answer.finish is not None:
            self._loop.call_soon_threadsafe(self._report_ready, run)
        elif isinstance(answer, Refused) or (isinstance(answer, Failed) and answer.code != "instance_lost"):
            problem = RuntimeError(f"no token came out of {WARM_UP_ID}: {answer.message}")
            self._loop.call_soon_threadsafe(self._give_up, problem)

    def _report_ready(self, run: int) -> None:
        if run == self._runs:  # else another ring came meanwhile
            self._watch.does("serving", self._loop.time())
        self._pipe.send(Ready(run=run))
        self._look_for_remarks()

    def _look_for_remarks(self) -> None:
        remark = self._engine.remark if isinstance(self._engine, Remarks) else ""
        if remark != self._remark:
            self._remark = remark
            self._pipe.send(Remark(remark=remark))

    async def _watch_engine(self) -> None:
        """End the process, or break the ring up, when the engine hangs."""
        while True:
            self._watch.forgive(await tick())
            now = self._loop.time()
            if self._rings.is_broken and self._watch.doing != "leaving":
                self._watch.does("leaving", now)
            self._look_for_remarks()
            hang = self._watch.look(now, self._calls.open)
            if hang is not None:
                self._unhang(hang)

    def _unhang(self, hang: Hang) -> None:
        logger.error("%s", hang.detail)
        if hang.elsewhere and self._has_neighbours:
            self._rings.break_up()
            return
        self._pipe.send(Hangs(detail=hang.detail, seconds=hang.seconds))
        self._engine_ended.set()  # nothing to wait for
        self._end(1)

    def _give_up(self, problem: BaseException) -> None:
        self._pipe.send(cannot_serve(problem))
        self._engine_ended.set()  # nothing to wait for
        self._end(0)

    def _end(self, status: int) -> None:
        if not self._ending.done():
            self._ending.set_result(status)

    async def _stop_engine(self) -> None:
        if self._engine is None:
            return  # it loads still, and cannot be asked to stop; the process ends without it
        self._engine.stop()
        try:
            await asyncio.wait_for(self._engine_ended.wait(), ENGINE_PATIENCE_S)
        except TimeoutError:
            logger.warning("the engine did not stop in %s s; the process ends without it", ENGINE_PATIENCE_S)
