"""Which files make up the embedded model, and what are their sizes and hashes?"""

from __future__ import annotations

import hashlib
from pathlib import Path

from exo_core.errors import ModelError
from exo_core.identifiers import ModelId
from exo_core.manifests import Manifest, ManifestFile

TINY = ModelId("tiny")
SOURCE_NAME = "tiny"
EMBEDDED_FOLDER = Path(__file__).parent / "model"
EMBEDDED_FILES = (
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the files as they lie in `folder` (reads them all: 5 MB). Raises `ModelError` if one is missing.

    The revision names their contents: two installations agree on it exactly when their files are the same.
    """
    files = tuple(_read_file(folder, name) for name in EMBEDDED_FILES)
    digest = hashlib.sha256("".join(f"{file.path}\0{file.sha256}\n" for file in files).encode())
    return Manifest(model_id=TINY, source=SOURCE_NAME, revision=digest.hexdigest()[:16], files=files)


def _read_file(folder: Path, name: str) -> ManifestFile:
    try:
        content = (folder / name).read_bytes()
    except OSError as problem:
        message = (
            f"the embedded model is damaged: {name} cannot be read ({problem.strerror}). "
            "Install it again: uv sync --reinstall-package exo-source-tiny"
        )
        raise ModelError(message) from problem
    return ManifestFile(path=name, size=len(content), sha256=hashlib.sha256(content).hexdigest())
