"""Pieces of a model from the members that have them, one member after the other until none is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final, final

from exo_core.errors import ModelError
from exo_core.manifests import Manifest
from exo_core.model_fetching.piecewise_fetch import Came
from exo_core.model_files.byte_ranges import ByteRange
from exo_core.sources import Holder, MembersFiles

NOBODY: Final = "no other member that can be reached has it"


@final
class MembersReader:
    """See `PieceReader`. What comes from one member is one block: it counts once all of it came with the hash that its
    sender announced. A member that fails is not asked again by the same fetch.
    """

    def __init__(self, members: MembersFiles, manifest: Manifest) -> None:
        self._members = members
        self._manifest = manifest
        self._asking = asyncio.Lock()
        self._holders: list[Holder] | None = None
        self._problems: list[str] = []

    async def available(self, path: str, wanted: ByteRange) -> Sequence[ByteRange]:
        """Of these bytes, those that some member has (they may overlap). Raises `ModelError` when none has any."""
        if not await self._all():
            raise ModelError(NOBODY)
        return [found for holder in await self._all() for found in holder.has(path, wanted)]

    async def read(self, path: str, piece: ByteRange, came: Came) -> AsyncGenerator[bytes]:
        """A block of each member that it comes from. Raises `ModelError` with every reason when nobody has the rest."""
        start = piece.start
        while start < piece.end:
            holder, wanted = await self._next(path, ByteRange(start, piece.end))
            content, before = bytearray(), start - piece.start
            try:
                async with aclosing(self._members.read(holder, self._manifest, path, *wanted)) as blocks:
                    async for block in blocks:
                        content += block
                        came(before + len(content))
            except ModelError as problem:
                self._give_up(holder, problem)
                continue
            start = wanted.end
            yield bytes(content)

    async def _next(self, path: str, wanted: ByteRange) -> tuple[Holder, ByteRange]:
        """Who is asked, and for how much of it from its start on."""
        for holder in await self._all():
            first = next(iter(holder.has(path, wanted)), None)
            if first is not None and first.start == wanted.start:
                return holder, first
        raise ModelError("; ".join(self._problems) or NOBODY)

    async def _all(self) -> Sequence[Holder]:
        async with self._asking:
            if self._holders is None:
                self._holders = list(await self._members.holders(self._manifest))
        return self._holders

    def _give_up(self, holder: Holder, problem: ModelError) -> None:
        if holder in (self._holders or ()):
            self._problems.append(str(problem))
            self._holders = [other for other in self._holders or () if other != holder]
