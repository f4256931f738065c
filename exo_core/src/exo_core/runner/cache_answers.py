"""What does a runner answer when its node says what the caches may take? Only what holds from then on.

| who is there                         | answer                                                        |
|--------------------------------------|---------------------------------------------------------------|
| nobody yet                           | none until the backend is known, which is soon                |
| a backend whose engines can change   | what was said: nothing is held yet, and the engine will hear it |
| an engine that can change            | what was said, as soon as its caches take no more             |
| a backend or an engine that cannot   | what it was loaded with, which does not change                |
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import final

from exo_core.backends import Backend, Engine, LoadsResizable, ResizesCaches
from exo_core.runner.messages import CachesTake


@final
class CacheAnswers:
    """Used by one thread; `report` is called from any."""

    def __init__(self, promised: int, report: Callable[[CachesTake], None]) -> None:
        """`promised` is what the shard is loaded with, in bytes."""
        self._promised = self._kv_bytes = promised
        self._report = report
        self._is_asked = False
        self._backend_resizes: bool | None = None
        """None: it is not known yet."""
        self._engine: Engine | None = None

    def may_take(self, kv_bytes: int) -> None:
        """The node's word."""
        self._kv_bytes, self._is_asked = kv_bytes, True
        self._answer()

    def meet_backend(self, backend: Backend) -> None:
        """It is about to load. Who asked meanwhile is answered."""
        self._backend_resizes = isinstance(backend, LoadsResizable) and backend.engines_resize
        if self._is_asked:
            self._answer()

    def meet_engine(self, engine: Engine) -> None:
        """It is loaded; the node hears what it takes, asked or not."""
        self._engine = engine
        self._answer()

    def _answer(self) -> None:
        if isinstance(self._engine, ResizesCaches):
            said = CachesTake(kv_bytes=self._kv_bytes, can_change=True)
            self._engine.resize_caches(self._kv_bytes, partial(self._report, said))
        elif self._engine is None and self._backend_resizes:
            self._report(CachesTake(kv_bytes=self._kv_bytes, can_change=True))
        elif self._engine is not None or self._backend_resizes is False:
            self._report(CachesTake(kv_bytes=self._promised, can_change=False))
