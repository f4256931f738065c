"""What every accepted request is to the head: sequences that are computed, and somebody to answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from exo_core.requests import Answer, EngineRequest
from exo_engine.sequence import SequenceState
from exo_engine.steps import Drawn, HiddenSum, Scored

AnswerTo = Callable[[Answer], None]


class OpenRequest(Protocol):
    """A request until all its sequences are over. It answers for itself; when it began and failed is told elsewhere."""

    ahead: int
    """How many sequences stood before it in the queue when it came."""

    @property
    def request(self) -> EngineRequest:
        """What was asked."""
        ...

    @property
    def answer(self) -> AnswerTo:
        """Where answers go."""
        ...

    @property
    def sequences(self) -> list[SequenceState]:
        """Those that are not over; whoever ends one takes it out."""
        ...

    def began(self, sequence: SequenceState) -> None:
        """Say what there is to say when a sequence was opened on the stages."""
        ...

    def take(self, sequence: SequenceState, output: Drawn | HiddenSum | Scored) -> bool:
        """Answer with what was computed of a sequence; True when that was its last. Its new token is appended to it."""
        ...

    def cancelled(self, sequence: SequenceState) -> None:
        """Answer for a sequence that somebody cancelled."""
        ...
