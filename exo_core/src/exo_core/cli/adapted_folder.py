"""A model and an adapter to it as one folder, which is a model like any other: links, so nothing is copied."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from exo_core.errors import ModelError
from exo_core.model_files.safetensors_headers import ADAPTER_WEIGHTS

ADAPTER_FILES: Final = ("adapter_config.json", ADAPTER_WEIGHTS)
"""As mlx-lm's trainer calls them."""


def adapted_folder(name: str, base: Path, adapter: Path, models: Path) -> Path:
    """Below `models`; the same for the same two folders, and up to date with them. `name` is the model's, for people.

    Raises `ModelError` when `adapter` is none.
    """
    for file in ADAPTER_FILES:
        if not (adapter / file).is_file():
            message = f"{adapter} holds no {file}: it is not an adapter in mlx-lm's format"
            raise ModelError(message)
    named = hashlib.sha256(f"{base}\0{adapter}".encode()).hexdigest()[:8]
    folder = models / "adapted" / f"{name}+{adapter.name}-{named}"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {path.name: path.absolute() for path in base.iterdir() if path.is_file()}
    _link(folder, wanted | {file: adapter.absolute() / file for file in ADAPTER_FILES})
    return folder


def _link(folder: Path, wanted: dict[str, Path]) -> None:
    present = {link.name: link.readlink() for link in folder.iterdir() if link.is_symlink()}
    for name in present.keys() | wanted.keys():
        if present.get(name) != wanted.get(name):
            (folder / name).unlink(missing_ok=True)
            if name in wanted:
                (folder / name).symlink_to(wanted[name])
