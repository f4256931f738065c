"""What may this stage's caches take, when its node changes its mind while it runs, and when do they take no more?

The node says it from any thread; the stage tells the head with its next step; the head makes room and says in band from
where on the number holds (`Limit`); when that step was executed the node hears it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import final

from exo_engine.stage import Stage
from exo_engine.steps import Limit, Operation, Resized, StageReport

Taken = Callable[[], None]
"""Told that the caches take no more than what was said."""


@final
class CacheLimit:
    """Nothing, until it was said. All but `say` belongs to the engine's thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes: int | None = None
        self._is_news = False
        self._taken: Taken | None = None
        """Who waits for it."""
        self._is_running = False

    def say(self, cache_bytes: int, taken: Taken) -> None:
        """From now on they may take so many bytes. While there is no ring they take none: `taken` is told at once."""
        with self._lock:
            self._bytes = cache_bytes
            self._is_news = has_to_be_told = self._is_running
            self._taken = taken if has_to_be_told else None
        if not has_to_be_told:
            taken()

    def begin(self) -> None:
        """There is a ring: caches may grow."""
        with self._lock:
            self._is_running = True

    def end(self) -> None:
        """There is none any more, and the caches hold nothing."""
        with self._lock:
            self._is_running = self._is_news = False
            taken, self._taken = self._taken, None
        if taken is not None:
            taken()

    def report(self, stage: Stage) -> StageReport:
        """What the stage says of itself, with what was said last; that is told once more if it does not hold yet."""
        told = stage.report()
        with self._lock:
            self._is_news |= self._taken is not None
        return told if self._bytes is None else told.model_copy(update={"cache_bytes": self._bytes})

    def news(self, stage: int) -> tuple[Resized, ...]:
        """What was said and not told yet, for the answer of a step; `stage` is the place in the pipeline."""
        if not self._is_news:
            return ()
        with self._lock:
            self._is_news = False
            return (Resized(stage=stage, cache_bytes=self._bytes or 0),)

    def executed(self, operations: Iterable[Operation], stage: int) -> None:
        """A step with these operations was executed, which may be the one from which on it holds."""
        if self._taken is None:
            return
        for each in operations:
            if isinstance(each, Limit) and each.stage == stage:
                self._holds(each.cache_bytes)

    def _holds(self, cache_bytes: int) -> None:
        """Unless another number was said meanwhile, whoever waits is told."""
        with self._lock:
            if cache_bytes != self._bytes or self._taken is None:
                return
            taken, self._taken = self._taken, None
        taken()
