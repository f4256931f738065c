"""What may this stage's caches take, when its node changes its mind while it runs?

The node says it from any thread; the stage tells the head with its next step, and the head makes room.
"""

from __future__ import annotations

import threading
from typing import final

from exo_engine.stage import Stage
from exo_engine.steps import Resized, StageReport


@final
class CacheLimit:
    """Nothing, until it was said."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes: int | None = None
        self._is_news = False

    def say(self, cache_bytes: int) -> None:
        """From now on they may take so many bytes."""
        with self._lock:
            self._bytes, self._is_news = cache_bytes, True

    def report(self, stage: Stage) -> StageReport:
        """What the stage says of itself, with what was said last."""
        told = stage.report()
        return told if self._bytes is None else told.model_copy(update={"cache_bytes": self._bytes})

    def news(self, stage: int) -> tuple[Resized, ...]:
        """What was said and not told yet, for the answer of a step; `stage` is the place in the pipeline."""
        if not self._is_news:
            return ()
        with self._lock:
            self._is_news = False
            return (Resized(stage=stage, cache_bytes=self._bytes or 0),)
