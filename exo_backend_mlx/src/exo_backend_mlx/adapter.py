"""An adapter beside a model: mlx-lm's `adapters.safetensors` and `adapter_config.json` in the model's folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import mlx.core as mx
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from exo_core.errors import ModelError, NotThereYet
from exo_core.model_files.safetensors_headers import ADAPTER_WEIGHTS, SafetensorsFile, read_header

ADAPTER_CONFIG: Final = "adapter_config.json"

Tensors = Mapping[str, mx.array]


class LoraParameters(BaseModel):
    """How large the low-rank matrices are, what their product is multiplied by, and which layers have them."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    rank: int
    scale: float
    dropout: float = 0.0
    keys: tuple[str, ...] | None = None


class AdapterConfig(BaseModel):
    """What mlx-lm's trainer wrote, as far as it concerns the model. `num_layers` counts from the last; -1: all."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    fine_tune_type: str = "lora"
    num_layers: int
    lora_parameters: LoraParameters


@dataclass(frozen=True)
class Adapter:
    """A config, the header of its weights, and these, unread."""

    config: AdapterConfig
    file: SafetensorsFile
    tensors: Tensors


def read_adapter(folder: Path, tensors_of: Callable[[Sequence[SafetensorsFile]], Tensors]) -> Adapter | None:
    """The adapter in a model's folder, if there is one; `tensors_of` opens its file. Raises `ModelError`."""
    path = folder / ADAPTER_CONFIG
    if not path.exists():
        return None
    config = _config(path)
    if config.fine_tune_type not in ("lora", "dora"):
        message = f"{path} is of the kind '{config.fine_tune_type}', which is not there yet; fuse it with mlx_lm.fuse"
        raise NotThereYet(message)
    file = read_header(folder / ADAPTER_WEIGHTS)
    return Adapter(config, file, tensors_of([file]))


def _config(path: Path) -> AdapterConfig:
    try:
        content: Any = json.loads(path.read_bytes())
        if isinstance(content, dict) and "peft_type" in content:
            message = f"{path} is of PEFT and not of mlx-lm, which is not there yet; train or convert it with mlx-lm"
            raise NotThereYet(message)
        return TypeAdapter(AdapterConfig).validate_python(content)
    except (OSError, ValidationError, ValueError) as error:
        message = f"{path} is not the config of an adapter in mlx-lm's format: {error}"
        raise ModelError(message) from error
