"""The third waist: where models come from."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from exo_core.frozen import Count, Frozen
from exo_core.identifiers import ModelId, NodeId
from exo_core.manifests import Manifest
from exo_core.model_files.byte_ranges import ByteRange, within


class Part(Frozen):
    """A file of a manifest, or only the header and the named tensors of a safetensors file (no names: the header).

    A file of which tensors were brought has its full length and each of them in its place, so that it is opened like
    the whole one; what else it holds is undefined. A source may bring the whole file instead.
    """

    path: str
    tensors: tuple[str, ...] | None = None


class FetchProgress(Frozen):
    """How far a fetch has come, in bytes. `checked`: read again to be compared with a hash, which may take minutes."""

    done: Count
    total: Count
    checked: Count = 0


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Another member that has a model, complete or (`there`: by path) some bytes of its files. `name` is for people."""

    node_id: NodeId
    name: str
    there: Mapping[str, Sequence[ByteRange]] | None = None

    def has(self, path: str, wanted: ByteRange) -> Sequence[ByteRange]:
        """Of these bytes, those that it has."""
        return [wanted] if self.there is None else within([wanted], self.there.get(path, ()))


class MembersFiles(Protocol):
    """Models as the other members of the cluster have them. On the node's event loop; used by the source `peers`."""

    def catalogued(self, model_id: ModelId) -> Manifest | None:
        """The catalogue's manifest of a model, or None."""
        ...

    async def holders(self, manifest: Manifest) -> Sequence[Holder]:
        """Who can be reached and has it, or a part, in this revision, best first. Asks them, which may take seconds."""
        ...

    def read(self, holder: Holder, manifest: Manifest, path: str, start: int, end: int) -> AsyncGenerator[bytes]:
        """Bytes start … end - 1 of a file, at most `LARGEST_PIECE` of them, as they come.

        Ends when all have come and their SHA-256 is the sender's. Raises `ModelError`: the member does not have them
        any more, was lost, sent others than it announced, or sent nothing for too long.
        """
        ...


LARGEST_PIECE = 16 * 1024 * 1024
"""Bytes that are asked of a member at once."""


@dataclass(frozen=True, kw_only=True)
class SourceContext:
    """What a source is built with. `models` is the folder in which exo keeps what it fetched.

    `offline`: the person wants nothing to be asked of, or fetched from, the internet. `members` is there for the source
    `peers`; None outside of a node.
    """

    models: Path
    offline: bool = False
    members: MembersFiles | None = None

    def folder(self, manifest: Manifest) -> Path:
        """Where exo has a model's files put, whoever brings them. Two revisions lie side by side."""
        words = manifest.model_id.strip("/").split("/")
        readable = "--".join(words[-2:] if len(words) == 2 else words[-1:])[:80]
        named = hashlib.sha256(f"{manifest.model_id}\0{manifest.revision}".encode()).hexdigest()[:12]
        return self.models / f"{readable}-{named}"


class Source(Protocol):
    """Finds models and brings their files. One object per node, on the node's event loop: never block it."""

    @property
    def name(self) -> str:
        """Recorded in manifests; the same on every node."""
        ...

    def claims(self, model_id: ModelId) -> bool:
        """Whether this id is this source's to resolve, judged from the id alone (at most a look at the disk)."""
        ...

    async def catalogue(self) -> Sequence[ModelId]:
        """Models that can be had without asking anyone: embedded, or already on this disk."""
        ...

    async def resolve(self, model_id: ModelId) -> Manifest:
        """Its newest manifest. Raises `ModelError` (unknown, broken, unreachable) saying what to do."""
        ...

    def local_folder(self, manifest: Manifest) -> Path | None:
        """A folder of the source's own with all its files complete (a package's, a cache's), or None.

        What was fetched into exo's folder of models, the node finds itself.
        """
        ...

    def fetch(self, manifest: Manifest, parts: Sequence[Part], into: Path) -> AsyncGenerator[FetchProgress]:
        """Bring `parts` into the folder `into`, checked against sizes and hashes; yields as it goes, last when done.

        Resumable: what is already there and right is kept, and counted as done. Tensors of a file can be added later.
        Closing the generator stops the fetch. Never called twice at once for one model. Raises `ModelError`.
        """
        ...


SourceFactory = Callable[[SourceContext], Source]
