"""The source `loft`: parrots that are bred on the spot, the same on every machine."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import final

from exo_core.errors import ModelError
from exo_core.identifiers import ModelId
from exo_core.manifests import Manifest, ManifestFile
from exo_core.sources import FetchProgress, Part, SourceContext
from pigeon.feathers import ParrotConfig, make_parrot

PARROTS = {ModelId("loft/grey"): ParrotConfig(layers=8), ModelId("loft/macaw"): ParrotConfig(layers=12)}


@final
class LoftSource:
    """See `exo_core.sources.Source`."""

    name = "loft"

    def __init__(self, context: SourceContext) -> None:
        self._models = context.models

    def claims(self, model_id: ModelId) -> bool:
        """Everything that begins with `loft/`."""
        return model_id.startswith("loft/")

    async def catalogue(self) -> Sequence[ModelId]:
        """All of them can be bred at once."""
        return tuple(PARROTS)

    async def resolve(self, model_id: ModelId) -> Manifest:
        """The files and their hashes. Raises `ModelError` for a parrot that nobody knows."""
        files = parrot_named(model_id)
        described = tuple(
            ManifestFile(path=path, size=len(content), sha256=_sha256(content)) for path, content in files.items()
        )
        revision = _sha256("".join(f"{file.path}{file.sha256}" for file in described).encode())
        return Manifest(model_id=model_id, source=self.name, revision=revision, files=described)

    def local_folder(self, manifest: Manifest) -> Path | None:
        """The folder among exo's models that holds exactly these files."""
        folders = self._models.iterdir() if self._models.is_dir() else ()
        return next((folder for folder in folders if all(_is_there(folder, file) for file in manifest.files)), None)

    async def fetch(self, manifest: Manifest, parts: Sequence[Part], into: Path) -> AsyncGenerator[FetchProgress]:
        """Write what is missing; a file that is there and right is kept."""
        files = parrot_named(manifest.model_id)
        wanted = [file for file in manifest.files if file.path in {part.path for part in parts}]
        done, total = 0, sum(file.size for file in wanted)
        yield FetchProgress(done=done, total=total)
        for file in wanted:
            if _sha256(files[file.path]) != file.sha256:
                message = (
                    f"{manifest.model_id} was bred by another version of the loft; install the same one everywhere"
                )
                raise ModelError(message)
            if not _is_there(into, file):
                await asyncio.to_thread(_write, into / file.path, files[file.path])
            done += file.size
            yield FetchProgress(done=done, total=total)


def parrot_named(model_id: ModelId) -> dict[str, bytes]:
    """A parrot's files. Raises `ModelError`."""
    if model_id not in PARROTS:
        message = f"there is no parrot '{model_id}' in the loft; there are: {', '.join(PARROTS)}"
        raise ModelError(message)
    return make_parrot(model_id, PARROTS[model_id])


def _is_there(folder: Path, file: ManifestFile) -> bool:
    path = folder / file.path
    return path.is_file() and path.stat().st_size == file.size and _sha256(path.read_bytes()) == file.sha256


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_bytes(content)
    unfinished.replace(path)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
