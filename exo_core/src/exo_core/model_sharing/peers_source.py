"""The source `peers`: models that another member of the cluster has, brought over the cluster's links."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import final

from exo_core.errors import ModelError
from exo_core.identifiers import ModelId
from exo_core.manifests import Manifest
from exo_core.model_files.partial_file import is_whole
from exo_core.model_sharing.piecewise_fetch import PiecewiseFetch
from exo_core.sources import FetchProgress, Part, SourceContext


@final
class PeersSource:
    """It has what the catalogue names and some member holds, in the catalogue's revision and in no other.

    Every piece is checked against the SHA-256 that its sender announced, and every file whose hash the manifest knows
    against that once it is whole. Members are believed: the hashes guard against damage and against a mixture of
    revisions, not against a member that lies.
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

    def folder(self, manifest: Manifest) -> Path:
        """Where this source keeps a model: two revisions lie side by side."""
        named = hashlib.sha256(f"{manifest.model_id}\0{manifest.revision}".encode()).hexdigest()[:16]
        short = manifest.model_id.rstrip("/").rpartition("/")[2][:64]
        return self._context.models / "from-members" / f"{short}-{named}"

    def local_folder(self, manifest: Manifest) -> Path | None:
        """What was brought, once all of it is there."""
        folder = self.folder(manifest)
        return folder if all(is_whole(folder / file.path, file.size) for file in manifest.files) else None

    async def fetch(self, manifest: Manifest, parts: Sequence[Part], into: Path) -> AsyncGenerator[FetchProgress]:
        """Bring parts from whichever member has them, one member after the other until none is left."""
        if self._context.members is None:
            message = f"{manifest.model_id} cannot be brought from other members: this node has none"
            raise ModelError(message)
        fetch = PiecewiseFetch(self._context.members, manifest, into)
        async with aclosing(fetch.run(parts)) as steps:
            async for step in steps:
                yield step
