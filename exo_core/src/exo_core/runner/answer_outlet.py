"""Answers from the engine thread to the pipe: all that came up since the loop last looked go in one message."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import final

from exo_core.requests import Answer
from exo_core.runner.messages import Answered, Answers


@final
class AnswerOutlet:
    """`put` may be called from any thread and never blocks; `send` is called on the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, send: Callable[[Answers], None]) -> None:
        self._loop = loop
        self._send = send
        self._pending: deque[Answered] = deque()
        self._scheduled = False

    def put(self, call: int, answer: Answer) -> None:
        """Queue an answer. The flag may be seen late, which costs an empty flush and never an answer."""
        self._pending.append(Answered(call=call, answer=answer))
        if not self._scheduled:
            self._scheduled = True
            with contextlib.suppress(RuntimeError):  # the loop is closed: the process is ending
                self._loop.call_soon_threadsafe(self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        batch: list[Answered] = []
        while self._pending:
            batch.append(self._pending.popleft())
        if batch:
            self._send(Answers(answers=tuple(batch)))
