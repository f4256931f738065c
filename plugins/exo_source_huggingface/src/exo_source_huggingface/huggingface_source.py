"""How does a node get a model of the Hugging Face Hub? From the cache; from the hub what the cache does not hold."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple, final

from exo_core.errors import ModelError
from exo_core.identifiers import ModelId
from exo_core.manifests import Manifest
from exo_core.model_fetching.disk_work import in_thread
from exo_core.model_fetching.piecewise_fetch import Came, PieceReader, PiecewiseFetch
from exo_core.model_files.byte_ranges import ByteRange
from exo_core.sources import FetchProgress, Part, SourceContext
from exo_source_huggingface.cached_files import take_from_cache
from exo_source_huggingface.hub_cache import HubCache, cache_folder
from exo_source_huggingface.hub_problems import HubProblem, in_words
from exo_source_huggingface.hub_reader import HubReader
from exo_source_huggingface.known_models import KnownModels
from exo_source_huggingface.model_listing import SOURCE_NAME, manifest_of
from exo_source_huggingface.patience import Patience
from exo_source_huggingface.repository import Repository, repository_of

logger = logging.getLogger(__name__)

LARGEST_PIECE: Final = 64 * 1024 * 1024
"""Bytes to a request: a hub answers few requests, and several connections share one file."""
AT_ONCE: Final = 4
"""Connections of one fetch."""


class Asking(NamedTuple):
    """How long the hub is asked what a revision means now."""

    attempts: int
    timeout_s: float


PATIENT: Final = Asking(attempts=4, timeout_s=20.0)
HASTY: Final = Asking(attempts=1, timeout_s=5.0)
"""For a model that is on this disk: a newer revision is not worth a wait."""


@final
class HuggingFaceSource:
    """The source `huggingface`. HF_TOKEN, HF_ENDPOINT, HF_HOME and their kin mean what they mean to huggingface-hub."""

    name = SOURCE_NAME

    def __init__(self, context: SourceContext) -> None:
        self._offline = context.offline
        self._cache = HubCache(cache_folder(os.environ))
        self._known = KnownModels(context, self._cache)

    def claims(self, model_id: ModelId) -> bool:
        """`org/name`, and `org/name@revision`."""
        return repository_of(model_id) is not None

    async def catalogue(self) -> Sequence[ModelId]:
        """Models that lie here complete, fetched by exo or in huggingface-hub's cache."""
        return tuple(await asyncio.to_thread(lambda: list(self._known.complete_models())))

    async def resolve(self, model_id: ModelId) -> Manifest:
        """What the revision means now; what it meant last when the hub does not say. Raises `ModelError`."""
        repository = _repository(model_id)
        known = await asyncio.to_thread(self._known.manifest, model_id)
        haste = known is not None and await asyncio.to_thread(self._known.is_complete, known)
        try:
            manifest = await self._asked(model_id, repository, HASTY if haste else PATIENT)
        except ModelError as problem:
            if known is None:
                raise
            if not self._offline:
                logger.warning("%s; using revision %s, which is known here", problem, known.revision[:12])
            return known
        await in_thread(lambda: self._known.remember(manifest))
        return manifest

    def local_folder(self, manifest: Manifest) -> Path | None:
        """The cache's folder, if all files lie there."""
        return self._known.cached_folder(manifest)

    async def fetch(self, manifest: Manifest, parts: Sequence[Part], into: Path) -> AsyncGenerator[FetchProgress]:
        """Bring what neither exo nor the cache has. Raises `ModelError`."""
        repository = _repository(manifest.model_id)
        await in_thread(lambda: take_from_cache(self._cache, repository, manifest, parts, into))
        async with aclosing(self._fetched(repository, manifest, parts, into)) as steps:
            async for step in steps:
                yield step

    async def _asked(self, model_id: ModelId, repository: Repository, asking: Asking) -> Manifest:
        if self._offline:
            raise _offline(repository)
        await asyncio.to_thread(_import_facade)
        from exo_source_huggingface.hub_facade import endpoint, list_repository

        try:
            commit, files = await Patience(asyncio.sleep, asking.attempts).with_(
                lambda: asyncio.to_thread(list_repository, repository, asking.timeout_s)
            )
        except HubProblem as problem:
            raise in_words(problem, repository, endpoint()) from problem
        return manifest_of(model_id, commit, files)

    async def _fetched(
        self, repository: Repository, manifest: Manifest, parts: Sequence[Part], into: Path
    ) -> AsyncGenerator[FetchProgress]:
        async with self._reader(repository, manifest) as reader:
            fetch = PiecewiseFetch(reader, manifest, into, largest_piece=LARGEST_PIECE, at_once=AT_ONCE)
            async with aclosing(fetch.run(parts)) as steps:
                async for step in steps:
                    yield step

    @asynccontextmanager
    async def _reader(self, repository: Repository, manifest: Manifest) -> AsyncGenerator[PieceReader]:
        if self._offline:
            yield NobodyAsked(repository)
            return
        await asyncio.to_thread(_import_facade)
        from exo_source_huggingface.hub_facade import endpoint, opened_files

        async with opened_files(repository, manifest.revision) as files:
            yield HubReader(files, repository, manifest, endpoint())


@final
class NobodyAsked:
    """See `PieceReader`; for a node that is offline by wish."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    async def available(self, path: str, wanted: ByteRange) -> Sequence[ByteRange]:
        """All of it."""
        del path
        return [wanted]

    async def read(self, path: str, piece: ByteRange, came: Came) -> AsyncGenerator[bytes]:
        """Raises `ModelError`."""
        del path, piece, came
        raise _offline(self._repository)
        yield  # makes this a generator, as the contract asks


def _offline(repository: Repository) -> ModelError:
    return in_words(HubProblem(kind="offline", detail="--offline"), repository, "the Hugging Face Hub")


def _repository(model_id: ModelId) -> Repository:
    repository = repository_of(model_id)
    if repository is None:
        message = f"'{model_id}' is no name on the Hugging Face Hub: write org/name, or org/name@revision"
        raise ModelError(message)
    return repository


def _import_facade() -> None:
    """In a thread, since it takes half a second."""
    from exo_source_huggingface import hub_facade

    del hub_facade
