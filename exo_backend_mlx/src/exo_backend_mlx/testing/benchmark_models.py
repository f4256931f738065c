"""Models of a real one's size with random weights: their speed is that of trained ones.

Each is written once into a folder and found there again. The same call writes the same model anywhere.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from exo_backend_mlx.model_config import Config
from exo_backend_mlx.testing.random_models import StoredType, write_random_model

SHAPE_134M: Config = {
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "head_dim": 64,
    "intermediate_size": 1536,
    "max_position_embeddings": 16384,
    "rope_theta": 100000.0,
    "tie_word_embeddings": True,
}
"""The shape of SmolLM2-135M, with a longer context."""

LAYERS, HIDDEN, VOCABULARY = 30, 576, 49152


def llama_134m(folder: Path, stored: StoredType = "float32", bits: int | None = None) -> Path:
    """134.5 million parameters, 538 MB in float32. Its folder below `folder`."""
    return _written(folder, "llama", SHAPE_134M, stored, bits)


def qwen2_134m(folder: Path, stored: StoredType = "float32") -> Path:
    """As large: the same shape, with biases, for what mlx-lm can pipeline. Its folder below `folder`."""
    return _written(folder, "qwen2", SHAPE_134M, stored, None)


def _written(parent: Path, architecture: str, shape: Config, stored: StoredType, bits: int | None) -> Path:
    folder = parent / f"{architecture}-134m-{stored}{f'-{bits}bit' if bits else ''}"
    if folder.exists():
        return folder
    unfinished = parent / f"{folder.name}.{os.getpid()}"
    shutil.rmtree(unfinished, ignore_errors=True)
    write_random_model(
        unfinished,
        architecture=architecture,
        layers=LAYERS,
        hidden=HIDDEN,
        vocabulary=VOCABULARY,
        stored=stored,
        bits=bits,
        overrides=shape,
        tokenizer="syllables",
    )
    _write_index(unfinished)
    unfinished.rename(folder)
    return folder


def _write_index(folder: Path) -> None:
    """Which file holds which tensor, as a hub's checkpoint says it: mlx-lm's pipeline reads nothing else."""
    with (folder / "model.safetensors").open("rb") as file:
        names = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    places = {name: "model.safetensors" for name in sorted(names) if name != "__metadata__"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
