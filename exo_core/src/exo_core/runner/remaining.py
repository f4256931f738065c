"""Which answer to a request is the last one."""

from __future__ import annotations

from typing import final

from exo_core.requests import Answer, Chunk, EngineRequest, Failed, Generate, Refused, Result


@final
class Remaining:
    """How many choices of a request have no finish yet."""

    def __init__(self, request: EngineRequest) -> None:
        self._choices = request.choices if isinstance(request, Generate) else 1

    @property
    def over(self) -> bool:
        """Whether the last answer was seen."""
        return self._choices <= 0

    def take(self, answer: Answer) -> bool:
        """Note an answer; True when it was the last one."""
        if isinstance(answer, Refused | Result | Failed):
            self._choices = 0
        elif isinstance(answer, Chunk) and answer.finish is not None:
            self._choices -= 1
        return self.over
