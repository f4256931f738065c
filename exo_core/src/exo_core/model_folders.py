"""The source `folder`: a model that already lies on a disk, named by its path.

The path is the model's name, so two machines can have different models under one name. The revision tells them apart:
the catalogue names one revision, and a folder of another one is not that model.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
from collections.abc import AsyncGenerator, Iterator, Sequence
from pathlib import Path
from typing import final

from exo_core.errors import ModelError
from exo_core.identifiers import ModelId
from exo_core.manifests import Manifest, ManifestFile
from exo_core.model_files.hashes import hash_of
from exo_core.sources import FetchProgress, Part, SourceContext

WEIGHTS_SUFFIX = ".safetensors"
MODEL_FILE_SUFFIXES = (".json", WEIGHTS_SUFFIX, ".model", ".txt", ".jinja", ".tiktoken")
HEADER_SAMPLE = 1024 * 1024
SAMPLE, SAMPLES = 16 * 1024, 8

_Signature = tuple[tuple[str, int, int, int], ...]


@final
class FolderSource:
    """Any mlx-lm folder on this disk. Nothing is copied; other members get it by the source `peers`."""

    name = "folder"

    def __init__(self, context: SourceContext) -> None:
        del context
        self._read: dict[Path, tuple[_Signature, Manifest]] = {}

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
        return await asyncio.to_thread(self._manifest_of, folder)

    def local_folder(self, manifest: Manifest) -> Path | None:
        """The same path here, if it holds the same revision. Reads it again only when a file has changed."""
        folder = Path(manifest.location or "")
        if not manifest.location or not all((folder / file.path).is_file() for file in manifest.files):
            return None
        try:
            return folder if self._manifest_of(folder).revision == manifest.revision else None
        except ModelError:
            return None

    def _manifest_of(self, folder: Path) -> Manifest:
        try:
            signature = _signature(folder)
            known = self._read.get(folder)
            if known is None or known[0] != signature:
                known = self._read[folder] = (signature, _read_manifest(self.name, folder))
        except OSError as problem:
            message = f"{problem.filename} cannot be read: {problem.strerror}"
            raise ModelError(message) from problem
        return known[1]

    async def fetch(self, manifest: Manifest, parts: Sequence[Part], into: Path) -> AsyncGenerator[FetchProgress]:
        """Refuse: a folder comes from the members that have it, by the source `peers`, or not at all."""
        del parts, into
        message = f"{manifest.location} is not on the machine {socket.gethostname()} with the same files"
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


def _model_files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.iterdir()) if path.is_file() and path.suffix in MODEL_FILE_SUFFIXES)


def _signature(folder: Path) -> _Signature:
    """Changes when a file does."""
    states = [(path.name, path.stat()) for path in _model_files(folder)]
    return tuple((name, state.st_size, state.st_mtime_ns, state.st_ino) for name, state in states)


def _read_manifest(source: str, folder: Path) -> Manifest:
    """Small files get their hash. Weights are too large for that; their samples are part of the revision."""
    revision, files = hashlib.sha256(), list[ManifestFile]()
    for path in _model_files(folder):
        is_weights = path.suffix == WEIGHTS_SUFFIX
        found = _samples(path) if is_weights else hash_of(path)
        file = ManifestFile(path=path.name, size=path.stat().st_size, sha256=None if is_weights else found)
        revision.update(f"{file.path}\0{file.size}\0{found}\0".encode())
        files.append(file)
    return Manifest(
        model_id=ModelId(str(folder)),
        source=source,
        revision=revision.hexdigest()[:16],
        files=tuple(files),
        location=str(folder),
    )


def _samples(path: Path) -> str:
    """A hash of the beginning (the header, with the names and shapes of all tensors) and of some places within.

    Two files of equal samples and sizes are taken for the same: a model trained further differs everywhere.
    """
    digest, size = hashlib.sha256(), path.stat().st_size
    with path.open("rb") as file:
        digest.update(file.read(HEADER_SAMPLE))
        for step in range(1, SAMPLES + 1):
            file.seek(max(0, size * step // SAMPLES - SAMPLE))
            digest.update(file.read(SAMPLE))
    return digest.hexdigest()
