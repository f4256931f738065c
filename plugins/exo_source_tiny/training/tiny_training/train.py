# /// script
# requires-python = ">=3.11"
# dependencies = ["jax>=0.6", "optax>=0.2.5", "tokenizers>=0.21", "numpy>=2", "safetensors>=0.5"]
# ///
"""How is the model trained? Answers only, from scratch, resumable: see README.md for the command.

The learning rate warms up, stays, and falls linearly to zero over the last quarter. A checkpoint (weights, optimizer
and step number) is one safetensors file, so a run may be ended at any time and started again with the same command.
"""

from __future__ import annotations

import argparse
import os
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optax.contrib
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from tiny_training.batches import make_batch
from tiny_training.network import SHAPE, Weights, hidden_states, initial_weights
from tiny_training.tokens import train_tokenizer, write_tokenizer

_WARM_UP_STEPS = 150
_DECAY_SHARE = 0.25
_CHECKPOINT_EVERY = 250
_REPORT_EVERY = 50


def main() -> None:
    """Train, from the last checkpoint in the folder if there is one."""
    options = _options()
    options.folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer(options.folder, options.seed)
    optimizer = make_optimizer(options.rate, options.steps, options.optimizer)
    weights = initial_weights(jax.random.PRNGKey(options.seed), SHAPE)
    state = optimizer.init(weights)
    weights, state, first_step = restore(options.folder / "checkpoint.safetensors", weights, state)
    step_function = jax.jit(partial(train_step, optimizer), donate_argnums=(0, 1))
    print(f"{sum(w.size for w in weights.values())} parameters, from step {first_step} to {options.steps}", flush=True)
    losses: list[jax.Array] = []
    began = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        upcoming = pool.submit(make_batch, tokenizer, options.seed, first_step)
        for step in range(first_step, options.steps):
            batch = upcoming.result()
            upcoming = pool.submit(make_batch, tokenizer, options.seed, step + 1)
            weights, state, loss = step_function(weights, state, batch.tokens, batch.segments, batch.places, batch.weights)
            losses.append(loss)
            done = step + 1
            if done % _REPORT_EVERY == 0:
                mean = float(np.mean([float(value) for value in losses]))
                print(f"step {done} loss {mean:.5f} seconds {time.monotonic() - began:.0f}", flush=True)
                losses.clear()
            if done % _CHECKPOINT_EVERY == 0 or done == options.steps:
                save(options.folder / "checkpoint.safetensors", weights, state, done)


def make_optimizer(rate: float, steps: int, name: str) -> optax.GradientTransformation:
    """The optimizer over the whole schedule."""
    decay = int(steps * _DECAY_SHARE)
    schedule = optax.join_schedules(
        [
            optax.linear_schedule(0.0, rate, _WARM_UP_STEPS),
            optax.constant_schedule(rate),
            optax.linear_schedule(rate, 0.0, decay),
        ],
        [_WARM_UP_STEPS, steps - decay],
    )
    if name == "muon":
        numbers = lambda params: {k: optax.contrib.MuonDimensionNumbers() if "proj" in k else None for k in params}
        inner = optax.contrib.muon(schedule, muon_weight_dimension_numbers=numbers, weight_decay=0.01, adam_weight_decay=0.01, adam_b2=0.98, consistent_rms=0.2)
    else:
        inner = optax.adamw(schedule, b1=0.9, b2=0.98, weight_decay=0.05)
    return optax.chain(optax.clip_by_global_norm(1.0), inner)


def train_step(optimizer, weights, state, tokens, segments, places, scores):
    def loss_function(weights):
        states = hidden_states(weights, tokens, segments, SHAPE).reshape(-1, SHAPE.hidden)[places]
        logits = states @ weights["embed_tokens"].T
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, tokens.reshape(-1)[places + 1])
        return (losses * scores).sum() / scores.sum()

    loss, gradients = jax.value_and_grad(loss_function)(weights)
    updates, state = optimizer.update(gradients, state, weights)
    return optax.apply_updates(weights, updates), state, loss


def save(path: Path, weights: Weights, state: optax.OptState, step: int) -> None:
    """Write a checkpoint so that a crash leaves the former one whole."""
    arrays = {f"weights.{name}": np.asarray(value) for name, value in weights.items()}
    arrays |= {f"state.{i}": np.asarray(leaf) for i, leaf in enumerate(jax.tree.leaves(state))}
    partial_path = path.with_suffix(".partial")
    save_file(arrays, partial_path, metadata={"step": str(step)})
    partial_path.replace(path)


def restore(path: Path, weights, state):
    """Weights, optimizer state and next step from a checkpoint, or those given and 0."""
    if not path.exists():
        return weights, state, 0
    arrays = load_file(path)
    step = _step_of(path)
    weights = {name: jnp.asarray(arrays[f"weights.{name}"]) for name in weights}
    leaves = [jnp.asarray(arrays[f"state.{i}"]) for i in range(len(jax.tree.leaves(state)))]
    return weights, jax.tree.unflatten(jax.tree.structure(state), leaves), step


def _step_of(path: Path) -> int:
    from safetensors import safe_open

    with safe_open(path, "numpy") as file:
        return int(file.metadata()["step"])


def _tokenizer(folder: Path, seed: int) -> Tokenizer:
    if not (folder / "tokenizer.json").exists():
        write_tokenizer(train_tokenizer(seed), folder)
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="train the embedded model")
    parser.add_argument("--folder", type=Path, required=True, help="where checkpoints are kept")
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=3e-3, help="the highest learning rate")
    parser.add_argument("--optimizer", default="muon")
    return parser.parse_args()


if __name__ == "__main__":
    main()
