"""One request that the echo backend answers: what is still to be said of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

from exo_core.requests import Accepted, Answer, Chunk, Failed, Generate, Progress
from exo_core.testing.echo_reply import prompt_ids_of, reply_chunks

AnswerTo = Callable[[Answer], None]


@final
class OpenEcho:
    """Accepted and prefilled when it is made; that raises `RequestRefused`."""

    def __init__(self, request: Generate, answer: AnswerTo, *, context: int) -> None:
        prompt_ids = prompt_ids_of(request.prompt)
        self.request = request
        self._answer = answer
        self._chunks = reply_chunks(request, prompt_ids, context=context)
        self._next: Chunk | None = next(self._chunks, None)
        self._ended: set[int] = set()
        answer(Accepted(prompt_ids=prompt_ids))
        answer(Progress(phase="prefill", done=len(prompt_ids), total=len(prompt_ids)))

    @property
    def next_token(self) -> int | None:
        """The id of the token that comes next; None when all is said."""
        return None if self._next is None else self._next.token_id

    def say(self) -> None:
        """Answer with that token."""
        if self._next is not None:
            self._answer(self._next)
            if self._next.finish is not None:
                self._ended.add(self._next.choice)
            self._next = next(self._chunks, None)

    def cancel(self) -> None:
        """End every choice that is open."""
        at, self._next = self._next, None
        for choice in range(self.request.choices):
            if at is not None and choice not in self._ended:
                update = {"choice": choice, "token_id": 0, "text": "", "finish": "cancelled"}
                self._answer(at.model_copy(update=update))

    def fail(self, message: str) -> None:
        """It cannot be completed here."""
        self._next = None
        self._answer(Failed(code="instance_lost", message=message))
