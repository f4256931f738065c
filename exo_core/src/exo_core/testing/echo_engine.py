"""The echo backend's engine: real in everything but arithmetic. Every token travels once around the ring."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import final

from exo_core.backends import Ring
from exo_core.errors import LinkClosed, RequestRefused
from exo_core.identifiers import RequestId
from exo_core.requests import Accepted, EngineRequest, Generate, Progress, Refused, Result, Tokenize
from exo_core.testing.echo_model import EchoConfig
from exo_core.testing.echo_reply import prompt_ids_of
from exo_core.testing.echo_words import text_of_tokens
from exo_core.testing.open_echo import AnswerTo, OpenEcho

POLL_S = 0.25
QUEUE_REPORT_S = 1.0


@final
class EchoEngine:
    """See `exo_core.backends.Engine`. A step gives every open request a token, of which there are `at_once`."""

    def __init__(self, *, stage: int, config: EchoConfig) -> None:
        self._is_head = stage == 0
        self._config = config
        hangs = config.fault == ("hang_in_stage" if stage else "hang_in_answer")
        self._steps_until_it_hangs = 5 if hangs else -1
        self._inbox: SimpleQueue[tuple[EngineRequest, AnswerTo] | RequestId | None] = SimpleQueue()
        self._waiting: deque[tuple[EngineRequest, AnswerTo]] = deque()
        self._open: list[OpenEcho] = []
        self._queue_reported = 0.0
        self._stopping = threading.Event()

    def run(self, ring: Ring) -> None:
        """Work until `stop`, or until a link dies (`LinkClosed`)."""
        try:
            while not self._stopping.is_set():
                if self._is_head:
                    self._serve(ring)
                else:
                    self._pass_on(ring)
            self._fail_all("the instance was stopped")
        except LinkClosed as closed:
            self._fail_all(str(closed))
            if not self._stopping.is_set():
                raise

    def submit(self, request: EngineRequest, answer: AnswerTo) -> None:
        """Take a request."""
        self._inbox.put((request, answer))

    def cancel(self, request_id: RequestId) -> None:
        """Forget a request."""
        self._inbox.put(request_id)

    def resize_caches(self, kv_bytes: int, taken: Callable[[], None]) -> None:
        """It has none."""
        del kv_bytes
        taken()

    def stop(self) -> None:
        """Make `run` return."""
        self._stopping.set()
        self._inbox.put(None)

    # a later stage -----------------------------------------------------------------------------------------

    def _pass_on(self, ring: Ring) -> None:
        assert ring.incoming is not None
        assert ring.outgoing is not None
        message = ring.incoming.receive(POLL_S)
        if message is not None:
            self._hang_as_told()
            ring.outgoing.send(bytes(message))

    def _hang_as_told(self) -> None:
        if self._steps_until_it_hangs == 0:
            threading.Event().wait()
        self._steps_until_it_hangs -= 1

    # the head ----------------------------------------------------------------------------------------------

    def _serve(self, ring: Ring) -> None:
        self._look(wait=not self._open and not self._waiting)
        while self._waiting and len(self._open) < self._config.at_once:
            self._take(*self._waiting.popleft())
        if self._open:
            self._step(ring)
        elif ring.incoming is not None:
            ring.incoming.receive(0)

    def _take(self, request: EngineRequest, answer: AnswerTo) -> None:
        try:
            if isinstance(request, Generate):
                self._open.append(OpenEcho(request, answer, context=self._config.context))
            elif isinstance(request, Tokenize):
                token_ids = prompt_ids_of(request.prompt)
                answer(Accepted(prompt_ids=token_ids))
                answer(Result(token_ids=(token_ids,), text=text_of_tokens(token_ids)))
            else:
                answer(Refused(status=501, code="not_there_yet", message="the echo backend has no such thing"))
        except RequestRefused as refusal:
            answer(Refused(status=refusal.status, code=refusal.code, message=refusal.message))

    def _step(self, ring: Ring) -> None:
        if self._config.seconds_per_token and self._stopping.wait(self._config.seconds_per_token):
            return
        self._hang_as_told()
        self._look(wait=False)
        self._report_queue()
        for opened in self._open:
            token_id = opened.next_token
            if token_id is not None:
                self._send_around(ring, token_id)
                opened.say()
        self._open = [opened for opened in self._open if opened.next_token is not None]

    def _send_around(self, ring: Ring, token_id: int) -> None:
        if ring.outgoing is None or ring.incoming is None:
            return
        ring.outgoing.send(token_id.to_bytes(8, "little"))
        while ring.incoming.receive(POLL_S) is None:
            if self._stopping.is_set():
                return

    def _report_queue(self) -> None:
        """Tell those that wait, every second, that those before them go on."""
        now = time.monotonic()
        if now - self._queue_reported < QUEUE_REPORT_S:
            return
        self._queue_reported = now
        for ahead, (_, answer) in enumerate(self._waiting):
            answer(Progress(phase="queued", done=0, total=ahead + 1))

    def _fail_all(self, message: str) -> None:
        for opened in self._open:
            opened.fail(message)
        self._open.clear()

    # what other threads ask --------------------------------------------------------------------------------

    def _look(self, *, wait: bool) -> None:
        timeout = POLL_S if wait else 0
        try:
            while True:
                command = self._inbox.get(timeout=timeout) if timeout else self._inbox.get_nowait()
                timeout = 0
                if isinstance(command, tuple):
                    self._waiting.append(command)
                elif command is not None:
                    self._cancel(command)
        except Empty:
            return

    def _cancel(self, request_id: RequestId) -> None:
        """End what runs, and forget what waits (it was never accepted)."""
        for entry in [entry for entry in self._waiting if entry[0].request_id == request_id]:
            self._waiting.remove(entry)
            entry[1](Refused(status=499, code="cancelled", message="cancelled before it began"))
        for opened in [opened for opened in self._open if opened.request.request_id == request_id]:
            self._open.remove(opened)
            opened.cancel()
