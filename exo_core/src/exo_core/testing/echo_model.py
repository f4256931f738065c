"""What an echo model's folder says: a config.json that a test writes, and no weights."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from exo_core.errors import ModelError
from exo_core.frozen import Count, Frozen

Fault = Literal[
    "none",
    "refuse_to_load",
    "die_on_load",
    "hang_on_load",
    "die_on_describe",
    "hang_on_describe",
    "hang_in_answer",
    "hang_in_stage",
]
"""`hang_in_answer`: the head, before its sixth token; `hang_in_stage`: a later stage, there."""


class EchoConfig(Frozen):
    """`config.json` of an echo model. `at_once` requests get a token each step. `fault`: what goes wrong, and when."""

    model_type: Literal["echo"] = "echo"
    layers: Count = 4
    context: Count = 4096
    seconds_per_token: float = 0.0
    at_once: Count = 1
    layer_bytes: Count = 1_000_000
    fault: Fault = "none"


def write_echo_model(folder: Path, config: EchoConfig | None = None) -> Path:
    """Make a model's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text((config or EchoConfig()).model_dump_json())
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", 2) + b"{}")  # valid, and without a tensor
    return folder


def read_echo_model(folder: Path) -> EchoConfig:
    """What is in a model's folder. Raises `ModelError`."""
    try:
        return EchoConfig.model_validate_json((folder / "config.json").read_bytes())
    except OSError as problem:
        message = f"{folder} is no model: {problem.strerror} (config.json)"
        raise ModelError(message) from problem
    except ValidationError as problem:
        message = f"{folder} is no model of the echo backend: its config.json says something else"
        raise ModelError(message) from problem
