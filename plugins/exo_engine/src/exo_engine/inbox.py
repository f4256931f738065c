"""What other threads ask of the head, in order; the engine thread takes it between steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import final

from exo_core.errors import RequestRefused
from exo_core.identifiers import RequestId
from exo_core.requests import EngineRequest
from exo_engine.answers.reading import Reading
from exo_engine.grammars.contract import CompiledGrammar
from exo_engine.open_request import AnswerTo


@dataclass(frozen=True)
class Prepared:
    """What is known of a request to generate before anything is compiled or computed."""

    prompt_ids: tuple[int, ...]
    reading: Reading


@dataclass(frozen=True)
class Submit:
    """Take a request. `prepared`: it is one to generate whose grammar had to be compiled; `grammar` came of that."""

    request: EngineRequest
    answer: AnswerTo
    prepared: Prepared | None = None
    grammar: CompiledGrammar | RequestRefused | None = None


@dataclass(frozen=True)
class Cancel:
    """Forget a request."""

    request_id: RequestId


@dataclass(frozen=True)
class Wake:
    """Look whether to stop."""


@dataclass(frozen=True)
class Compiled:
    """What came of a grammar. `name` is its hash."""

    name: bytes
    outcome: CompiledGrammar | RequestRefused


@dataclass(frozen=True)
class LookAround:
    """Hear what the stages have to say."""


Command = Submit | Cancel | Wake | Compiled | LookAround


@final
class Inbox:
    """A queue that any thread may fill and one thread empties."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Command] = SimpleQueue()

    def put(self, command: Command) -> None:
        """Add a command; never blocks."""
        self._queue.put(command)

    def wait(self, timeout: float | None) -> Iterator[Command]:
        """Wait for a command for at most `timeout` seconds (None: for ever); then all that are there."""
        try:
            yield self._queue.get(timeout=timeout)
        except Empty:
            return
        yield from self.take()

    def take(self) -> Iterator[Command]:
        """All that are there now."""
        while not self._queue.empty():
            yield self._queue.get_nowait()
