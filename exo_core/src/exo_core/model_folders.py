"""The source `folder`: a model that already lies on a disk, named by its path."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import final

from exo_core.errors import ModelError
from exo_core.identifiers import ModelId
from exo_core.manifests import Manifest, ManifestFile
from exo_core.sources import FetchProgress, Part, SourceContext

MODEL_FILE_SUFFIXES = (".json", ".safetensors", ".model", ".txt", ".jinja", ".tiktoken")


@final
class FolderSource:
    """Any mlx-lm folder on this disk. Nothing is copied; a folder is served by nodes that have it at the same path."""

    name = "folder"

    def __init__(self, context: SourceContext) -> None:
        del context

    def claims(self, model_id: ModelId) -> bool:
        """Absolute paths, paths that begin with `.` or `~`, and anything that is a folder here."""
        return model_id.startswith(("/", ".", "~")) or Path(model_id).is_dir()

    async def catalogue(self) -> Sequence[ModelId]:
        """None: a disk is not searched."""
        return ()

    async def resolve(self, model_id: ModelId) -> Manifest:
        """List the folder. Raises `ModelError` when it is no model's."""
        folder = Path(model_id).expanduser().absolute()
        check_model_folder(folder)
        files = tuple(
            ManifestFile(path=path.relative_to(folder).as_posix(), size=path.stat().st_size)
            for path in sorted(folder.iterdir())
            if path.is_file() and path.suffix in MODEL_FILE_SUFFIXES
        )
        return Manifest(
            model_id=ModelId(str(folder)),
            source=self.name,
            revision=_revision(folder, files),
            files=files,
            location=str(folder),
        )

    def local_folder(self, manifest: Manifest) -> Path | None:
        """The same path here, if it holds files of the same sizes."""
        folder = Path(manifest.location or "")
        present = all(
            (folder / file.path).is_file() and (folder / file.path).stat().st_size == file.size
            for file in manifest.files
        )
        return folder if manifest.location and present else None

    async def fetch(self, manifest: Manifest, parts: Sequence[Part], into: Path) -> AsyncGenerator[FetchProgress]:
        """Refuse: a folder does not travel yet."""
        del parts, into
        message = (
            f"{manifest.location} is not on the machine {socket.gethostname()} with the same files. "
            "Copy the folder to the same path there"
        )
        raise ModelError(message)
        yield  # makes this a generator, as the contract asks


def check_model_folder(folder: Path) -> None:
    """Raise `ModelError` unless `folder` looks like an mlx-lm model."""
    if not folder.is_dir():
        message = f"{folder} is not a folder. A MODEL is a path to a folder, or `tiny`"
    elif not (folder / "config.json").is_file():
        message = f"{folder} holds no config.json: it is not a model in mlx-lm's format"
    elif not any(folder.glob("*.safetensors")):
        message = f"{folder} holds no .safetensors file: its weights are missing or in another format"
    elif not os.access(folder / "config.json", os.R_OK):
        message = f"{folder}/config.json cannot be read: permission denied"
    else:
        return
    raise ModelError(message)


def _revision(folder: Path, files: Sequence[ManifestFile]) -> str:
    """Names a state of the folder: the text of its small JSON files, and each file's name and size."""
    digest = hashlib.sha256()
    for file in files:
        path = folder / file.path
        digest.update(f"{file.path}\0{file.size}\0".encode())
        if path.suffix == ".json" and file.size < 1024 * 1024:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
