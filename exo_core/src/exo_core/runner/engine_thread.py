"""The thread in which a runner's backend loads and its engine runs; arrays and streams of a backend never leave it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol, final

from exo_core.backends import Engine, Ring
from exo_core.errors import LinkClosed

logger = logging.getLogger(__name__)


class Rings(Protocol):
    """Where rings come from."""

    def next_ring(self) -> Ring | None:
        """Wait for a ring; None: stop."""
        ...

    def drop(self, ring: Ring) -> None:
        """Close a ring that broke."""
        ...


class EngineEvents(Protocol):
    """Who is told; called on the engine thread."""

    def loaded(self, engine: Engine) -> None:
        """The engine is there; it runs over the first ring that comes."""
        ...

    def linked(self) -> None:
        """A ring is complete, and `Engine.run` is about to be called."""
        ...

    def unlinked(self, detail: str) -> None:
        """The ring broke; the next one is waited for."""
        ...

    def load_failed(self, problem: Exception) -> None:
        """There is no engine; the thread ends."""
        ...

    def ended(self, problem: BaseException | None) -> None:
        """The engine returned as asked (None), or broke; the thread ends."""
        ...


@final
class NoLinks:
    """The ring of an instance of one stage."""

    def next_ring(self) -> Ring:
        """Nothing to wait for."""
        return Ring()

    def drop(self, ring: Ring) -> None:
        """Nothing to close."""


@final
class EngineThread:
    """Loads, then runs the engine over one ring after the other until it returns or no ring comes."""

    def __init__(self, *, load: Callable[[], Engine], rings: Rings, events: EngineEvents) -> None:
        self._load = load
        self._rings = rings
        self._events = events
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)

    def start(self) -> None:
        """Begin to load."""
        self._thread.start()

    def _work(self) -> None:
        try:
            engine = self._load()
        except Exception as problem:  # whatever a backend raises is this instance's failure, told to the person
            logger.exception("the load failed")
            self._events.load_failed(problem)
            return
        self._events.loaded(engine)
        problem = None
        try:
            self._run(engine)
        except BaseException as raised:  # told to the main thread, which ends the process with it
            problem = raised
        self._events.ended(problem)

    def _run(self, engine: Engine) -> None:
        while (ring := self._rings.next_ring()) is not None:
            self._events.linked()
            try:
                engine.run(ring)
            except LinkClosed as closed:
                logger.info("the ring broke: %s", closed)
                self._rings.drop(ring)
                self._events.unlinked(str(closed))
            else:
                return
