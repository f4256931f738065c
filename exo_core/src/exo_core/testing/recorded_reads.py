"""Fetching a model from members as the source `peers` does, in small pieces, with every read remembered."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import NamedTuple

from exo_core.errors import ModelError
from exo_core.identifiers import ModelId
from exo_core.manifests import Manifest
from exo_core.model_fetching.piecewise_fetch import PiecewiseFetch
from exo_core.model_sharing.members_reader import MembersReader
from exo_core.model_sharing.peers_source import AT_ONCE
from exo_core.sources import FetchProgress, Holder, MembersFiles, Part
from exo_core.testing.source_conformance import parts_of

PIECE = 100_000


class Read(NamedTuple):
    """One piece that was asked for."""

    holder: str
    path: str
    start: int
    end: int


class Recorded:
    """`MembersFiles` that remembers what was asked of whom, and can fail once."""

    def __init__(self, inner: MembersFiles) -> None:
        self.inner = inner
        self.reads: list[Read] = []
        self.cut_after: int | None = None
        """Bytes that come before one read fails, once."""

    def catalogued(self, model_id: ModelId) -> Manifest | None:
        return self.inner.catalogued(model_id)

    async def holders(self, manifest: Manifest) -> Sequence[Holder]:
        return await self.inner.holders(manifest)

    async def read(self, holder: Holder, manifest: Manifest, path: str, start: int, end: int) -> AsyncGenerator[bytes]:
        self.reads.append(Read(holder.node_id, path, start, end))
        async with aclosing(self.inner.read(holder, manifest, path, start, end)) as blocks:
            async for block in blocks:
                if self.cut_after is not None:
                    self.cut_after -= len(block)
                    if self.cut_after < 0:
                        self.cut_after = None
                        message = "cut"
                        raise ModelError(message)
                yield block


def by_pieces(files: MembersFiles, manifest: Manifest, into: Path) -> PiecewiseFetch:
    """As the source `peers` fetches, by smaller pieces."""
    return PiecewiseFetch(MembersReader(files, manifest), manifest, into, largest_piece=PIECE, at_once=AT_ONCE)


async def fetch(
    files: MembersFiles,
    manifest: Manifest,
    into: Path,
    parts: Sequence[Part] | None = None,
    *,
    at: tuple[int, Callable[[], None]] | None = None,
) -> list[FetchProgress]:
    """Bring parts (all). `at`: after so many bytes do this, once."""
    run = by_pieces(files, manifest, into).run(parts or parts_of(manifest))
    taken = list[FetchProgress]()
    async with aclosing(run) as steps:
        async for step in steps:
            taken.append(step)
            if at is not None and step.done > at[0]:
                at[1]()
                at = None
    return taken
