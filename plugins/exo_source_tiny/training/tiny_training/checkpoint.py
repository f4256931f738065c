"""How is the state of a training run kept? Weights, optimizer state and step number in one safetensors file."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from tiny_training.network import Weights

WEIGHT_PREFIX = "weights."
_STATE_PREFIX = "state."


def save_checkpoint(path: Path, weights: Weights, state: optax.OptState, step: int) -> None:
    """Write a checkpoint so that a crash leaves the former one whole. `step` is the next one to be done."""
    arrays = {f"{WEIGHT_PREFIX}{name}": np.asarray(value) for name, value in weights.items()}
    arrays |= {f"{_STATE_PREFIX}{place}": np.asarray(leaf) for place, leaf in enumerate(jax.tree.leaves(state))}
    unfinished = path.with_suffix(".partial")
    save_file(arrays, unfinished, metadata={"step": str(step)})
    unfinished.replace(path)


def restore_checkpoint(path: Path, weights: Weights, state: optax.OptState) -> tuple[Weights, optax.OptState, int]:
    """Weights, optimizer state and next step; those given, and 0, where there is no checkpoint yet."""
    if not path.exists():
        return weights, state, 0
    arrays = load_file(path)
    with safe_open(path, "numpy") as file:
        step = int(file.metadata()["step"])
    restored = {name: jnp.asarray(arrays[f"{WEIGHT_PREFIX}{name}"]) for name in weights}
    leaves = [jnp.asarray(arrays[f"{_STATE_PREFIX}{place}"]) for place in range(len(jax.tree.leaves(state)))]
    return restored, jax.tree.unflatten(jax.tree.structure(state), leaves), step
