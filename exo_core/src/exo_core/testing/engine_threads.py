"""Engines of one instance in threads of this process, linked in memory: what a cluster does with processes and TLS."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from types import TracebackType
from typing import final

from exo_core.backends import Engine, Ring
from exo_core.errors import LinkClosed
from exo_core.requests import Answer, Channel, Chunk, EngineRequest, Piece
from exo_core.runner.remaining import Remaining
from exo_core.testing.blocking_pair import memory_rings

PATIENCE = 60.0
"""Seconds after which a test that waits for an answer fails instead."""


@final
class Answers:
    """What one request was answered, as it comes."""

    def __init__(self, request: EngineRequest) -> None:
        self.queue: SimpleQueue[Answer] = SimpleQueue()
        self._remaining = Remaining(request)

    def __iter__(self) -> Iterator[Answer]:
        """Every answer up to the last one. Raises `queue.Empty` when none comes."""
        while not self._remaining.over:
            answer = self.queue.get(timeout=PATIENCE)
            self._remaining.take(answer)
            yield answer


@final
class EngineThreads:
    """A context in which the engines run, the head first. Each is loaded in the thread that runs it."""

    def __init__(self, loaders: Sequence[Callable[[], Engine]], *, capacity: int = 64) -> None:
        self._loaders = loaders
        self._capacity = capacity
        self._rings: list[SimpleQueue[Ring | None]] = [SimpleQueue() for _ in loaders]
        self._loaded: SimpleQueue[tuple[int, Engine | BaseException]] = SimpleQueue()
        self._ended: SimpleQueue[BaseException | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._links: list[Ring] = []
        self.engines: dict[int, Engine] = {}

    def __enter__(self) -> EngineThreads:
        for stage in range(len(self._loaders)):
            thread = threading.Thread(target=self._work, args=(stage,), daemon=True)
            self._threads.append(thread)
            thread.start()
        for _ in self._loaders:
            stage, engine = self._loaded.get(timeout=PATIENCE)
            if isinstance(engine, BaseException):
                self._end_threads()
                raise engine
            self.engines[stage] = engine
        self.link()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for engine in self.engines.values():
            engine.stop()
        self._close_links()
        self._end_threads()

    @property
    def alive(self) -> int:
        """Threads that have not ended."""
        return sum(thread.is_alive() for thread in self._threads)

    def link(self) -> None:
        """Give every engine a new ring and let it run."""
        self._links = memory_rings(len(self._loaders), capacity=self._capacity)
        for rings, ring in zip(self._rings, self._links, strict=True):
            rings.put(ring)

    def cut(self) -> list[BaseException | None]:
        """Close all links; what each engine's `run` then raised (None: it returned)."""
        self._close_links()
        return [self._ended.get(timeout=PATIENCE) for _ in self._loaders]

    def submit(self, request: EngineRequest) -> Answers:
        """Ask the head."""
        answers = Answers(request)
        self.engines[0].submit(request, answers.queue.put)
        return answers

    def ask(self, request: EngineRequest) -> list[Answer]:
        """Ask the head and wait for all answers."""
        return list(self.submit(request))

    def _work(self, stage: int) -> None:
        try:
            engine = self._loaders[stage]()
        except BaseException as problem:  # told to the test's thread
            self._loaded.put((stage, problem))
            return
        self._loaded.put((stage, engine))
        while (ring := self._rings[stage].get()) is not None:
            self._ended.put(_run(engine, ring))

    def _close_links(self) -> None:
        for ring in self._links:
            if ring.outgoing is not None:
                ring.outgoing.close()

    def _end_threads(self) -> None:
        for rings in self._rings:
            rings.put(None)
        for thread in self._threads:
            thread.join(PATIENCE)


def _run(engine: Engine, ring: Ring) -> BaseException | None:
    try:
        engine.run(ring)
    except LinkClosed as closed:
        return closed
    except BaseException as problem:  # told to the test, which expects LinkClosed or nothing
        return problem
    return None


def text_of(answers: Sequence[Answer], choice: int = 0, channel: Channel = "content") -> str:
    """The text of a choice, put together as a client does."""
    return "".join(piece.text for piece in _pieces_of(answers, choice) if piece.channel == channel)


def calls_of(answers: Sequence[Answer], choice: int = 0) -> list[tuple[str, str]]:
    """The calls of a choice, put together as a client does: names and arguments."""
    calls: list[tuple[str, str]] = []
    for piece in _pieces_of(answers, choice):
        if piece.name is not None:
            calls.append((piece.name, ""))
        if piece.call is not None:
            name, arguments = calls[piece.call]
            calls[piece.call] = name, arguments + piece.text
    return calls


def _pieces_of(answers: Sequence[Answer], choice: int) -> Iterator[Piece]:
    for chunk in chunks_of(answers, choice):
        yield from chunk.pieces


def chunks_of(answers: Sequence[Answer], choice: int = 0) -> list[Chunk]:
    """A choice's chunks."""
    return [answer for answer in answers if isinstance(answer, Chunk) and answer.choice == choice]
