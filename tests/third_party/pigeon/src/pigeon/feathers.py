"""A parrot's files: `config.json`, and per layer one feather, a table that exchanges the 256 bytes for each other.

The last feather undoes all the others together. So the whole parrot says what it heard, and one that lacks a layer, has
one twice or has them in another order speaks gibberish: a split that goes wrong is heard at once.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from exo_core.errors import ModelError
from exo_core.frozen import Frozen

CONFIG = "config.json"
BYTES = range(256)


class ParrotConfig(Frozen):
    """What `config.json` holds."""

    model_type: str = "parrot"
    layers: Annotated[int, Field(ge=2, le=1000)]
    context: Annotated[int, Field(ge=2)] = 2048


def feather_name(layer: int) -> str:
    """The file of a layer."""
    return f"layer-{layer:03}.feather"


def make_parrot(name: str, config: ParrotConfig) -> dict[str, bytes]:
    """Every file of the parrot of that name; the same bytes on every machine."""
    feathers = [_shuffled(f"{name}/{layer}") for layer in range(config.layers - 1)]
    together = bytes(BYTES)
    for feather in feathers:
        together = together.translate(feather)
    feathers.append(bytes(together.index(byte) for byte in BYTES))
    files = {feather_name(layer): feather for layer, feather in enumerate(feathers)}
    return {CONFIG: config.model_dump_json().encode(), **files}


def read_config(folder: Path) -> ParrotConfig:
    """Raises `ModelError`."""
    try:
        return ParrotConfig.model_validate_json((folder / CONFIG).read_bytes())
    except (OSError, ValidationError) as problem:
        message = f"{folder} holds no parrot: {problem}"
        raise ModelError(message) from problem


def read_feather(folder: Path, layer: int) -> bytes:
    """One layer's table. Raises `ModelError`."""
    path = folder / feather_name(layer)
    try:
        feather = path.read_bytes()
    except OSError as problem:
        message = f"{path} cannot be read: {problem.strerror}"
        raise ModelError(message) from problem
    if sorted(feather) != list(BYTES):
        message = f"{path} is damaged: it is not a table of the 256 bytes"
        raise ModelError(message)
    return feather


def _shuffled(seed: str) -> bytes:
    """The 256 bytes in an order that depends on nothing but `seed`."""
    return bytes(sorted(BYTES, key=lambda byte: hashlib.sha256(f"{seed}/{byte}".encode()).digest()))
