"""The source `peers`: models that another member of the cluster has, brought over the cluster's links."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Final, final

from exo_core.errors import ModelError
from exo_core.identifiers import ModelId
from exo_core.manifests import Manifest
from exo_core.model_fetching.piecewise_fetch import PiecewiseFetch
from exo_core.model_sharing.members_reader import MembersReader
from exo_core.sources import LARGEST_PIECE, FetchProgress, Part, SourceContext

AT_ONCE: Final = 2
"""Pieces that are read at a time: one is written while the next one comes."""


@final
class PeersSource:
    """It has what the catalogue names and some member holds, in the catalogue's revision and in no other.

    Every piece is checked against the SHA-256 that its sender announced, and every file whose hash the manifest knows
    against that once it is whole. Members are believed: the hashes guard against damage on the way and against a
    mixture of revisions, not against a member that lies. A manifest knows no hashes of tensors; so where only some
    tensors of a file are brought, damage on the disk of a member that has the whole file is brought with them, and
    passed on. Damage to a part on the disk of whoever brought it is noticed before it is passed on.
    """

    name = "peers"

    def __init__(self, context: SourceContext) -> None:
        self._context = context

    def claims(self, model_id: ModelId) -> bool:
        """Whatever the catalogue names."""
        members = self._context.members
        return members is not None and members.catalogued(model_id) is not None

    async def catalogue(self) -> Sequence[ModelId]:
        """None: others have to be asked."""
        return ()

    async def resolve(self, model_id: ModelId) -> Manifest:
        """The catalogue's manifest, as a model of this source."""
        members = self._context.members
        known = members.catalogued(model_id) if members is not None else None
        if known is None:
            message = f"'{model_id}' is not in the catalogue of this cluster. See: exo models"
            raise ModelError(message)
        return known.model_copy(update={"source": self.name})

    def local_folder(self, manifest: Manifest) -> Path | None:
        """None: what was brought lies in exo's folder of models."""
        del manifest
        return None

    async def fetch(self, manifest: Manifest, parts: Sequence[Part], into: Path) -> AsyncGenerator[FetchProgress]:
        """Bring parts from whichever member has them, one member after the other until none is left."""
        if self._context.members is None:
            message = f"{manifest.model_id} cannot be brought from other members: this node has none"
            raise ModelError(message)
        reader = MembersReader(self._context.members, manifest)
        fetch = PiecewiseFetch(reader, manifest, into, largest_piece=LARGEST_PIECE, at_once=AT_ONCE)
        async with aclosing(fetch.run(parts)) as steps:
            async for step in steps:
                yield step
