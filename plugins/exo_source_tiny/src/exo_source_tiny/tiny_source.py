"""How does a node get the embedded model? From its own installation: nothing is downloaded."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import final

from exo_core.errors import ModelError
from exo_core.identifiers import ModelId
from exo_core.manifests import Manifest, ManifestFile
from exo_core.sources import FetchProgress, Part, SourceContext
from exo_source_tiny.embedded_model import EMBEDDED_FOLDER, SOURCE_NAME, TINY, read_manifest


@final
class TinySource:
    """The source of one model, `tiny`. Its files are served from where the package is installed."""

    name = SOURCE_NAME

    def __init__(self, context: SourceContext) -> None:
        del context
        self._embedded: Manifest | None = None

    def claims(self, model_id: ModelId) -> bool:
        """Only `tiny` itself."""
        return model_id == TINY

    async def catalogue(self) -> Sequence[ModelId]:
        """`tiny`, always."""
        return (TINY,)

    async def resolve(self, model_id: ModelId) -> Manifest:
        """The manifest of the installed files. Raises `ModelError` for any other id, or when a file is missing."""
        if not self.claims(model_id):
            message = f"the source '{self.name}' has one model, '{TINY}', and not '{model_id}'"
            raise ModelError(message)
        if self._embedded is None:
            self._embedded = await asyncio.to_thread(read_manifest, EMBEDDED_FOLDER)
        return self._embedded

    def local_folder(self, manifest: Manifest) -> Path | None:
        """The installed folder, if the manifest means the same files: another version of exo may embed others."""
        if self._embedded is None:
            self._embedded = read_manifest(EMBEDDED_FOLDER)
        return EMBEDDED_FOLDER if manifest == self._embedded else None

    async def fetch(self, manifest: Manifest, parts: Sequence[Part], into: Path) -> AsyncGenerator[FetchProgress]:
        """Copy the files of `parts` into `into`; for named tensors the whole file, which holds them.

        Raises `ModelError` when the manifest is of another version than the one installed here.
        """
        files = self._wanted(manifest, await self.resolve(TINY), parts)
        done, total = 0, sum(file.size for file in files)
        yield FetchProgress(done=done, total=total)
        await asyncio.to_thread(into.mkdir, parents=True, exist_ok=True)
        for file in files:
            await asyncio.to_thread(_bring, file, into)
            done += file.size
            yield FetchProgress(done=done, total=total)

    def _wanted(self, manifest: Manifest, embedded: Manifest, parts: Sequence[Part]) -> Sequence[ManifestFile]:
        if manifest != embedded:
            message = (
                f"this machine embeds another version of '{TINY}' ({embedded.revision}) than the one asked for "
                f"({manifest.revision}). Install the same version of exo on every machine"
            )
            raise ModelError(message)
        by_path = {file.path: file for file in embedded.files}
        unknown = [part.path for part in parts if part.path not in by_path]
        if unknown:
            message = f"'{TINY}' has no file named {', '.join(unknown)}; it has {', '.join(by_path)}"
            raise ModelError(message)
        return [by_path[path] for path in dict.fromkeys(part.path for part in parts)]


def _bring(file: ManifestFile, into: Path) -> None:
    """Copy one file whole or not at all; one that is there and right is kept."""
    target = into / file.path
    if target.is_file() and _sha256(target.read_bytes()) == file.sha256:
        return
    content = (EMBEDDED_FOLDER / file.path).read_bytes()
    if _sha256(content) != file.sha256:
        message = f"the embedded model changed on disk: {file.path} is not what it was when this node started"
        raise ModelError(message)
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.partial")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(target)
    except OSError as problem:
        unfinished.unlink(missing_ok=True)
        message = f"{target} cannot be written: {problem.strerror}. Free some space or choose another --home"
        raise ModelError(message) from problem


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
