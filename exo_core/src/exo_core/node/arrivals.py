"""What is on its way to this disk: how far, how fast, and how it ended if it did not arrive. For people; not logged."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final, final

from exo_core.clock import Clock
from exo_core.errors import ModelError
from exo_core.identifiers import ModelId
from exo_core.manifests import Manifest
from exo_core.sources import FetchProgress
from exo_core.telemetry import DownloadTelemetry

ERROR_OF_THE_SOURCE: Final = "an error of the source; see: exo logs"
Told = Callable[[FetchProgress], None]
WINDOW_S: Final = 5.0
"""The speed is the average of so many seconds."""


@final
class Arrivals:
    """One entry per model: the fetch that runs, else the last one that failed or was cancelled."""

    def __init__(self, clock: Clock, changed: Callable[[], None] = lambda: None) -> None:
        self._clock = clock
        self._changed = changed
        self._entries: dict[ModelId, DownloadTelemetry] = {}
        self._pace: dict[ModelId, Pace] = {}
        self._watchers = defaultdict[ModelId, list[Told]](list)

    @property
    def telemetry(self) -> tuple[DownloadTelemetry, ...]:
        """As it is now."""
        return tuple(self._with_speed(entry) for entry in self._entries.values())

    def expect(self, manifest: Manifest) -> None:
        """It was asked for; nothing comes yet."""
        self._tell(manifest, "downloading", FetchProgress(done=0, total=sum(file.size for file in manifest.files)))

    @contextmanager
    def watched(self, model_id: ModelId, told: Told) -> Generator[None]:
        """`told` hears how the model comes while the context is open, whoever fetches it."""
        self._watchers[model_id].append(told)
        try:
            yield
        finally:
            self._watchers[model_id].remove(told)

    @contextmanager
    def arriving(self, manifest: Manifest) -> Generator[Told]:
        """Show what comes while the context is open: until all that was wanted is here, an error, or cancelling."""
        if not self._is_expected(manifest):
            self._tell(manifest, "downloading", FetchProgress(done=0, total=0))
        pace = self._pace[manifest.model_id] = Pace(self._clock)

        def came(step: FetchProgress) -> None:
            pace.came(step.done)
            self._tell(manifest, "downloading", step)
            for told in self._watchers[manifest.model_id]:
                told(step)

        try:
            yield came
        except ModelError as problem:
            self._ended(manifest, "failed", str(problem))
            raise
        except asyncio.CancelledError:
            self._ended(manifest, "cancelled")
            raise
        except Exception:
            self._ended(manifest, "failed", ERROR_OF_THE_SOURCE)
            raise
        self.forget(manifest.model_id)

    def _is_expected(self, manifest: Manifest) -> bool:
        entry = self._entries.get(manifest.model_id)
        return entry is not None and (entry.revision, entry.status) == (manifest.revision, "downloading")

    def is_arriving(self, model_id: ModelId) -> bool:
        """Whether somebody fetches it."""
        return model_id in self._pace

    def give_up(self, manifest: Manifest) -> None:
        """It is not expected any more, unless somebody fetches it."""
        if not self.is_arriving(manifest.model_id):
            self._ended(manifest, "cancelled")

    def fail(self, manifest: Manifest) -> None:
        """What was to fetch it broke, in a way that only the log can tell."""
        self._ended(manifest, "failed", ERROR_OF_THE_SOURCE)

    def forget(self, model_id: ModelId) -> None:
        """Show nothing of a model."""
        self._pace.pop(model_id, None)
        self._entries.pop(model_id, None)
        self._changed()

    def _ended(self, manifest: Manifest, status: str, detail: str = "") -> None:
        last = self._entries.get(manifest.model_id) or FetchProgress(done=0, total=0)
        self._pace.pop(manifest.model_id, None)
        self._tell(manifest, status, FetchProgress(done=last.done, total=last.total), detail)

    def _tell(self, manifest: Manifest, status: str, step: FetchProgress, detail: str = "") -> None:
        self._entries[manifest.model_id] = DownloadTelemetry(
            model_id=manifest.model_id,
            revision=manifest.revision,
            status=status,
            done=step.done,
            total=step.total,
            detail=detail,
        )
        self._changed()

    def _with_speed(self, entry: DownloadTelemetry) -> DownloadTelemetry:
        pace = self._pace.get(entry.model_id)
        return entry if pace is None else entry.model_copy(update={"bytes_per_s": pace.bytes_per_s})


@final
class Pace:
    """Bytes a second over the last few seconds. What was there at the beginning did not come."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()

    def came(self, done: int) -> None:
        """So many are here now."""
        now = self._clock.now()
        self._seen.append((now, done))
        while len(self._seen) > 2 and self._seen[1][0] <= now - WINDOW_S:
            self._seen.popleft()

    @property
    def bytes_per_s(self) -> float:
        """Falls while nothing comes."""
        if len(self._seen) < 2:
            return 0.0
        (start, first), (_, last) = self._seen[0], self._seen[-1]
        return (last - first) / max(self._clock.now() - start, 0.001)
