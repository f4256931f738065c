"""Pieces of a model from whichever member has them, one member after the other until none is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import final

from exo_core.errors import ModelError
from exo_core.manifests import Manifest
from exo_core.model_fetching.piecewise_fetch import Came
from exo_core.model_files.byte_ranges import ByteRange
from exo_core.sources import Holder, MembersFiles


@final
class MembersReader:
    """See `PieceReader`. A piece is one block: it counts once all of it came with the hash that its sender announced.

    A member that fails is not asked again by the same fetch.
    """

    def __init__(self, members: MembersFiles, manifest: Manifest) -> None:
        self._members = members
        self._manifest = manifest
        self._asking = asyncio.Lock()
        self._holders: list[Holder] | None = None
        self._problems: list[str] = []

    async def read(self, path: str, piece: ByteRange, came: Came) -> AsyncGenerator[bytes]:
        """One block. Raises `ModelError` with every member's reason when none is left."""
        while True:
            holder = await self._next_holder()
            content = bytearray()
            try:
                async with aclosing(self._members.read(holder, self._manifest, path, *piece)) as blocks:
                    async for block in blocks:
                        content += block
                        came(len(content))
            except ModelError as problem:
                self._give_up(holder, problem)
                continue
            yield bytes(content)
            return

    async def _next_holder(self) -> Holder:
        async with self._asking:
            if self._holders is None:
                self._holders = list(await self._members.holders(self._manifest))
                self._problems = [] if self._holders else ["no other member that can be reached has it complete"]
        if not self._holders:
            raise ModelError("; ".join(self._problems))
        return self._holders[0]

    def _give_up(self, holder: Holder, problem: ModelError) -> None:
        if holder in (self._holders or ()):
            self._problems.append(str(problem))
            self._holders = [other for other in self._holders or () if other != holder]
