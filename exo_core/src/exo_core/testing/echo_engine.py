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
from exo_core.requests import (
    Accepted,
    Answer,
    Chunk,
    EngineRequest,
    Failed,
    Generate,
    Progress,
    Refused,
    Result,
    Tokenize,
)
from exo_core.testing.echo_reply import prompt_ids_of, reply_chunks
from exo_core.testing.echo_words import text_of_tokens

POLL_S = 0.25
QUEUE_REPORT_S = 1.0
AnswerTo = Callable[[Answer], None]


@final
class EchoEngine:
    """See `exo_core.backends.Engine`. One request at a time. `hangs`: for ever, before its sixth token."""

    def __init__(self, *, stage: int, context: int, seconds_per_token: float, hangs: bool = False) -> None:
        self._is_head = stage == 0
        self._context = context
        self._pause = seconds_per_token
        self._tokens_until_it_hangs = 5 if hangs else -1
        self._inbox: SimpleQueue[tuple[EngineRequest, AnswerTo] | RequestId | None] = SimpleQueue()
        self._waiting: deque[tuple[EngineRequest, AnswerTo]] = deque()
        self._cancelled: set[RequestId] = set()
        self._queue_reported = 0.0
        self._stopping = threading.Event()

    def run(self, ring: Ring) -> None:
        """Work until `stop`, or until a link dies (`LinkClosed`)."""
        try:
            while not self._stopping.is_set():
                if self._is_head:
                    self._serve_next(ring)
                else:
                    self._pass_on(ring)
        except LinkClosed:
            if not self._stopping.is_set():
                raise

    def submit(self, request: EngineRequest, answer: AnswerTo) -> None:
        """Take a request."""
        self._inbox.put((request, answer))

    def cancel(self, request_id: RequestId) -> None:
        """Forget a request."""
        self._inbox.put(request_id)

    def stop(self) -> None:
        """Make `run` return."""
        self._stopping.set()
        self._inbox.put(None)

    def _pass_on(self, ring: Ring) -> None:
        assert ring.incoming is not None
        assert ring.outgoing is not None
        message = ring.incoming.receive(POLL_S)
        if message is not None:
            self._hang_as_told()
            ring.outgoing.send(bytes(message))

    def _hang_as_told(self) -> None:
        if self._tokens_until_it_hangs == 0:
            threading.Event().wait()
        self._tokens_until_it_hangs -= 1

    def _serve_next(self, ring: Ring) -> None:
        if not self._waiting:
            self._look(wait=True)
        if self._waiting:
            request, answer = self._waiting.popleft()
            self._serve(ring, request, answer)
        elif ring.incoming is not None:
            ring.incoming.receive(0)

    def _serve(self, ring: Ring, request: EngineRequest, answer: AnswerTo) -> None:
        try:
            if isinstance(request, Generate):
                self._generate(ring, request, answer)
            elif isinstance(request, Tokenize):
                token_ids = prompt_ids_of(request.prompt)
                answer(Accepted(prompt_ids=token_ids))
                answer(Result(token_ids=(token_ids,), text=text_of_tokens(token_ids)))
            else:
                answer(Refused(status=501, code="not_there_yet", message="the echo backend has no such thing"))
        except RequestRefused as refusal:
            answer(Refused(status=refusal.status, code=refusal.code, message=refusal.message))
        except LinkClosed as closed:
            answer(Failed(code="instance_lost", message=str(closed)))
            raise

    def _generate(self, ring: Ring, request: Generate, answer: AnswerTo) -> None:
        prompt_ids = prompt_ids_of(request.prompt)
        chunks = reply_chunks(request, prompt_ids, context=self._context)
        answer(Accepted(prompt_ids=prompt_ids))
        answer(Progress(phase="prefill", done=len(prompt_ids), total=len(prompt_ids)))
        self._cancelled.discard(request.request_id)  # what was cancelled is an earlier attempt
        ended: set[int] = set()
        for chunk in chunks:
            if self._stopping.wait(self._pause) if self._pause else self._stopping.is_set():
                answer(Failed(code="instance_lost", message="the instance was stopped"))
                return
            self._hang_as_told()
            self._look(wait=False)
            self._report_queue()
            if request.request_id in self._cancelled:
                self._end_cancelled(request, chunk, ended, answer)
                return
            self._send_around(ring, chunk)
            answer(chunk)
            if chunk.finish is not None:
                ended.add(chunk.choice)

    def _report_queue(self) -> None:
        """Tell those that wait, every second, that those before them go on."""
        now = time.monotonic()
        if now - self._queue_reported < QUEUE_REPORT_S:
            return
        self._queue_reported = now
        for ahead, (_, answer) in enumerate(self._waiting):
            answer(Progress(phase="queued", done=0, total=ahead + 1))

    def _end_cancelled(self, request: Generate, at: Chunk, ended: set[int], answer: AnswerTo) -> None:
        self._cancelled.discard(request.request_id)
        for choice in range(request.choices):
            if choice not in ended:
                update = {"choice": choice, "token_id": 0, "text": "", "finish": "cancelled"}
                answer(at.model_copy(update=update))

    def _send_around(self, ring: Ring, chunk: Chunk) -> None:
        if ring.outgoing is None or ring.incoming is None:
            return
        ring.outgoing.send(chunk.token_id.to_bytes(8, "little"))
        while ring.incoming.receive(POLL_S) is None:
            if self._stopping.is_set():
                return

    def _look(self, *, wait: bool) -> None:
        """Take what other threads asked."""
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
        """Mark the running request, or forget one that waits (it was never accepted)."""
        waiting = [entry for entry in self._waiting if entry[0].request_id == request_id]
        for entry in waiting:
            self._waiting.remove(entry)
            entry[1](Refused(status=499, code="cancelled", message="cancelled before it began"))
        if not waiting:
            self._cancelled.add(request_id)
