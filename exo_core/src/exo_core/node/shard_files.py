"""What a shard reads, brought to this disk: only its own weights, from whoever has them, watched until they are there.

A source that brings no byte for a while is ended, and the next is tried. When none is left they are all tried again
after a pause, unless one names a reason that lasts; an attempt that brought something does not count. So a fetch ends,
with the files or with the reasons.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import final

from exo_core.clock import Clock
from exo_core.errors import LastingModelError, ModelError
from exo_core.manifests import Manifest
from exo_core.model_folders import WEIGHTS_SUFFIX
from exo_core.node.arrivals import ERROR_OF_THE_SOURCE, Arrivals, Told
from exo_core.node.model_library import ModelLibrary, describing_parts
from exo_core.placement import ShardAssignment
from exo_core.sources import FetchProgress, Part, Source

logger = logging.getLogger(__name__)

ChooseParts = Callable[[ShardAssignment, Path], Awaitable[Sequence[Part] | None]]
"""The weights that a shard reads, from a folder that holds the model's other files and headers; None: all."""


@dataclass(frozen=True, kw_only=True)
class FetchPatience:
    """How long a fetch may bring nothing, and the pauses between attempts of which all sources failed."""

    silence_s: float = 60.0
    pauses_s: tuple[float, ...] = (1.0, 5.0, 15.0)


@final
class ShardFiles:
    """One per node: shards of one model that start at the same time wait for each other and bring nothing twice."""

    def __init__(
        self,
        library: ModelLibrary,
        choose_parts: ChooseParts,
        *,
        clock: Clock,
        arrivals: Arrivals | None = None,
        on_fetched: Callable[[], None] = lambda: None,
        patience: FetchPatience = FetchPatience(),
    ) -> None:
        self._library = library
        self._choose_parts = choose_parts
        self._clock = clock
        self._arrivals = arrivals or Arrivals(clock)
        self._on_fetched = on_fetched
        self._patience = patience

    async def folder_for(self, assignment: ShardAssignment, manifest: Manifest, told: Told) -> Path:
        """The folder from which this shard can be loaded; `told` hears how its bytes come.

        Raises `ModelError` when nobody brings them.
        """
        return await self._folder(assignment, manifest, told)

    async def complete(self, manifest: Manifest) -> Path:
        """The folder with all of a model. Raises `ModelError` when nobody brings it."""
        return await self._folder(None, manifest, lambda _: None)

    async def _folder(self, assignment: ShardAssignment | None, manifest: Manifest, told: Told) -> Path:
        with self._arrivals.watched(manifest.model_id, told):  # while somebody else fetches it, too
            async with self._library.turn(manifest) as folder:
                if folder is None:
                    with self._arrivals.arriving(manifest) as came:
                        folder = await self._fetched(_Fetch(assignment, manifest, came))
                    self._on_fetched()
                else:
                    self._arrivals.forget(manifest.model_id)
                return folder

    async def _fetched(self, fetch: _Fetch) -> Path:
        pauses = list(self._patience.pauses_s)
        while True:
            before, problems = fetch.most, list[str]()
            lasting: LastingModelError | None = None
            for source in self._library.ways_to(fetch.manifest):
                try:
                    return await self._by(source, fetch)
                except ModelError as problem:
                    problems.append(f"{source.name}: {problem}")
                    lasting = lasting or (problem if isinstance(problem, LastingModelError) else None)
            if fetch.most > before:
                pauses = list(self._patience.pauses_s)
            elif lasting is not None:
                raise lasting
            if not pauses:
                message = f"{_in_vain(fetch.manifest, problems)}. Start a machine that has it, then place it again"
                raise ModelError(message)
            logger.warning("%s; trying again in %.0f s", _in_vain(fetch.manifest, problems), pauses[0])
            await self._clock.sleep(pauses.pop(0))

    async def _by(self, source: Source, fetch: _Fetch) -> Path:
        """All that the shard needs, by one source. Raises `ModelError`, also for what a source should not raise."""
        try:
            return await self._all_by(source, fetch)
        except ModelError:
            raise
        except Exception as problem:
            logger.exception("the source %s failed to bring %s", source.name, fetch.manifest.model_id)
            raise ModelError(ERROR_OF_THE_SOURCE) from problem

    async def _all_by(self, source: Source, fetch: _Fetch) -> Path:
        """First what describes the model, then the weights of the shard."""
        manifest, into = fetch.manifest, self._library.place_for(fetch.manifest)
        weights = [file.path for file in manifest.files if file.path.endswith(WEIGHTS_SUFFIX)]
        others = [Part(path=file.path) for file in manifest.files if file.path not in weights]
        chosen: Sequence[Part] | None = None
        if weights and fetch.assignment is not None and fetch.assignment.shard.stages > 1:
            await self._watched(source.fetch(manifest, describing_parts(manifest), into), fetch.described)
            chosen = await self._choose_parts(fetch.assignment, into)
        parts = [Part(path=path) for path in weights] if chosen is None else chosen
        await self._watched(source.fetch(manifest, [*others, *parts], into), fetch.step)
        return into if chosen is not None else self._library.complete_folder(manifest)

    async def _watched(self, steps: AsyncGenerator[FetchProgress], moved: Told) -> None:
        """Take every step; end it when no byte comes, nor is checked, for too long. Raises `ModelError`."""
        silence, most = self._patience.silence_s, -1
        try:
            async with asyncio.timeout(silence) as watchdog, aclosing(steps):
                async for step in steps:
                    if step.done + step.checked > most:
                        most = step.done + step.checked
                        watchdog.reschedule(asyncio.get_running_loop().time() + silence)
                    moved(step)
        except TimeoutError as problem:
            message = f"nothing came for {silence:.0f} s"
            raise ModelError(message) from problem


@final
class _Fetch:
    """What is wanted (a shard's part, or all) and how far it has come."""

    def __init__(self, assignment: ShardAssignment | None, manifest: Manifest, told: Told) -> None:
        self.assignment = assignment
        self.manifest = manifest
        self.most = 0
        """Bytes that were here at the best moment."""
        self._told = told

    def described(self, step: FetchProgress) -> None:
        """It moved, in what is not worth showing."""
        self.most = max(self.most, step.done)

    def step(self, step: FetchProgress) -> None:
        """It moved."""
        self.most = max(self.most, step.done)
        self._told(step)


def _in_vain(manifest: Manifest, problems: Sequence[str]) -> str:
    ways = "; ".join(problems) or f"its source '{manifest.source}' is not installed here, and neither is 'peers'"
    return f"{manifest.model_id} cannot be brought to this machine ({ways})"
