"""Pieces of a model from the hub, taken up where a connection broke."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, final

from exo_core.manifests import Manifest
from exo_core.model_fetching.piecewise_fetch import Came
from exo_core.model_files.byte_ranges import ByteRange
from exo_source_huggingface.hub_problems import HubProblem, in_words
from exo_source_huggingface.patience import Patience, Sleep
from exo_source_huggingface.repository import Repository

if TYPE_CHECKING:
    from exo_source_huggingface.hub_facade import HubFiles

WRITTEN_AT_ONCE: Final = 8 * 1024 * 1024
"""Bytes to a block: what a sudden end costs, against the time that a disk takes to make a block safe."""


@final
class HubReader:
    """See `PieceReader`."""

    def __init__(
        self, files: HubFiles, repository: Repository, manifest: Manifest, endpoint: str, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._files = files
        self._repository = repository
        self._by_path = {file.path: file for file in manifest.files}
        self._endpoint = endpoint
        self._sleep = sleep

    async def available(self, path: str, wanted: ByteRange) -> Sequence[ByteRange]:
        """All of it."""
        del path
        return [wanted]

    async def read(self, path: str, piece: ByteRange, came: Came) -> AsyncGenerator[bytes]:
        """What came before an error is handed over, too. Raises `ModelError` when the hub does not give the rest."""
        patience, start, block = Patience(self._sleep), piece.start, bytearray()
        while start + len(block) < piece.end:
            try:
                rest = ByteRange(start + len(block), piece.end)
                async with aclosing(self._files.read(self._by_path[path], rest)) as arriving:
                    async for content in arriving:
                        patience.moved()
                        block += content
                        came(start + len(block) - piece.start)
                        if len(block) >= WRITTEN_AT_ONCE:
                            start += len(block)
                            yield bytes(block)
                            block.clear()
            except HubProblem as problem:
                try:
                    await patience.after(problem)
                except HubProblem as last:
                    yield bytes(block)
                    raise in_words(last, self._repository, self._endpoint) from problem
        if block:
            yield bytes(block)
