"""The calls of a node to the engine in this process. A call's number is its own; request ids may come again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import final

from exo_core.backends import Engine
from exo_core.identifiers import RequestId
from exo_core.requests import Answer, Refused
from exo_core.runner.messages import Submit
from exo_core.runner.remaining import Remaining


@final
class EngineCalls:
    """Belongs to the event loop; `answer` takes a call's number and is called from the engine thread too."""

    def __init__(self, answer: Callable[[int, Answer], None]) -> None:
        self._answer = answer
        self._engine: Engine | None = None
        self._open: dict[int, RequestId] = {}
        self._cancelled: set[int] = set()
        """Of those, the ones that nobody waits for; the engine has yet to end them."""

    @property
    def open(self) -> frozenset[int]:
        """Calls whose last answer has not come, cancelled or not: none when all is well with an idle engine."""
        return frozenset(tuple(self._open))

    def submit(self, engine: Engine, message: Submit) -> None:
        """Hand a request to the engine."""
        self._engine = engine
        self._open[message.call] = message.request.request_id
        engine.submit(message.request, partial(self._pass_on, message.call, Remaining(message.request)))

    def refuse(self, call: int, code: str, message: str) -> None:
        """Answer a call without the engine."""
        self._answer(call, Refused(status=503, code=code, message=message))

    def cancel(self, call: int) -> None:
        """Cancel, unless the call is over, or a later one has the same request."""
        request_id = self._open.get(call)
        if request_id is None:
            return
        self._cancelled.add(call)
        others = [other for number, other in tuple(self._open.items()) if number not in self._cancelled]
        if self._engine is not None and request_id not in others:
            self._engine.cancel(request_id)

    def _pass_on(self, call: int, remaining: Remaining, answer: Answer) -> None:
        """On the engine thread; taking something out of a dict or a set is atomic."""
        if remaining.take(answer):
            self._open.pop(call, None)
            self._cancelled.discard(call)
        self._answer(call, answer)
