# /// script
# requires-python = ">=3.11"
# dependencies = ["jax>=0.6", "optax>=0.2.5", "tokenizers>=0.21", "numpy>=2", "safetensors>=0.5"]
# ///
"""How is the model trained? On answers only, resumable: README.md has the command.

Matrices are trained with Muon (K. Jordan, 2024: momentum, orthogonalised by a Newton-Schulz iteration), everything else
with AdamW. schedule.py has the stages and the learning rate.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import optax
import optax.contrib
from tokenizers import Tokenizer

from tiny_training.batches import Batch, make_batch
from tiny_training.checkpoint import restore_checkpoint, save_checkpoint
from tiny_training.network import PROBE, SHAPE, Weights, hidden_states, initial_weights
from tiny_training.schedule import RATES, STEPS
from tiny_training.start import start_weights
from tiny_training.tokens import write_tokenizer
from tiny_training.vocabulary import train_tokenizer

_CHECKPOINT_EVERY = 100
_REPORT_EVERY = 50
_BEFORE_EVERY = 5
_ADAM_SHARE = 0.3


def main() -> None:
    """Train, from the last checkpoint in the folder if there is one."""
    options = _options()
    options.folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer(options.folder, options.seed)
    optimizer = make_optimizer()
    fresh = initial_weights(jax.random.PRNGKey(options.seed), SHAPE)
    if options.start:
        fresh = start_weights(fresh, options.start, tokenizer)
    checkpoint = options.folder / "checkpoint.safetensors"
    weights, state, first = restore_checkpoint(checkpoint, fresh, optimizer.init(fresh))
    print(f"{sum(w.size for w in weights.values())} parameters, from step {first} to {STEPS}", flush=True)
    advance = jax.jit(partial(train_step, optimizer), donate_argnums=(0, 1))
    losses: list[jax.Array] = []
    began = time.monotonic()
    for step, batch in prepared(tokenizer, options.seed, range(first, STEPS)):
        weights, state, loss = advance(weights, state, batch)
        losses.append(loss)
        if (step + 1) % _REPORT_EVERY == 0:
            mean = sum(float(value) for value in losses) / len(losses)
            print(f"step {step + 1} loss {mean:.5f} seconds {time.monotonic() - began:.0f}", flush=True)
            losses.clear()
        if (step + 1) % _CHECKPOINT_EVERY == 0 or step + 1 == STEPS:
            save_checkpoint(checkpoint, weights, state, step + 1)


def prepared(tokenizer: Tokenizer, seed: int, steps: range) -> Iterator[tuple[int, Batch]]:
    """The batch of every step, the next one being made while this one is in use."""
    with ThreadPoolExecutor(1) as pool:
        upcoming = pool.submit(make_batch, tokenizer, seed, steps.start)
        for step in steps:
            batch = upcoming.result()
            upcoming = pool.submit(make_batch, tokenizer, seed, step + 1)
            yield step, batch


def make_optimizer() -> optax.GradientTransformation:
    """Muon, and AdamW at a share of its rate."""
    muon = optax.contrib.muon(
        learning_rate,
        muon_weight_dimension_numbers=_which_are_matrices,
        weight_decay=0.01,
        adam_weight_decay=0.01,
        adam_learning_rate=lambda step: _ADAM_SHARE * learning_rate(step),
        adam_b2=0.98,
        consistent_rms=0.2,
    )
    return optax.chain(optax.clip_by_global_norm(1.0), muon)


def learning_rate(step: jax.Array) -> jax.Array:
    """The rate of a step, from RATES."""
    steps, rates = jnp.array(RATES).T
    place = jnp.clip(jnp.searchsorted(steps, step, side="right"), 1, len(RATES) - 1)  # a jump counts from its own step
    share = (step - steps[place - 1]) / (steps[place] - steps[place - 1])
    return rates[place - 1] + share * (rates[place] - rates[place - 1])


def train_step(
    optimizer: optax.GradientTransformation, weights: Weights, state: optax.OptState, batch: Batch
) -> tuple[Weights, optax.OptState, jax.Array]:
    """One step; gives the new weights, the new optimizer state and the mean loss over the scored tokens."""
    loss, gradients = jax.value_and_grad(whole_loss)(weights, batch)
    updates, state = optimizer.update(gradients, state, weights)
    return optax.apply_updates(weights, updates), state, loss


def whole_loss(weights: Weights, batch: Batch) -> jax.Array:
    """The loss of answers and, in the stage's share, that of the tokens before."""
    states, early = hidden_states(weights, batch.tokens, batch.segments, SHAPE)
    return answer_loss(weights, states, batch) + batch.before_share * before_loss(weights, early, batch)


def answer_loss(weights: Weights, states: jax.Array, batch: Batch) -> jax.Array:
    """Mean cross entropy of the tokens that the model has to say."""
    logits = states.reshape(-1, SHAPE.hidden)[batch.places] @ weights["embed_tokens"].T
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, batch.tokens.reshape(-1)[batch.places + 1])
    return (losses * batch.weights).sum() / batch.weights.sum()


def before_loss(weights: Weights, early: jax.Array, batch: Batch) -> jax.Array:
    """Mean cross entropy of the token before each position, read from the early states by a matrix of its own.

    Copying takes two layers: one that brings to every token what stood before it, and a later one that looks for where
    the present token stood. Neither is of use without the other, so they are long in coming; this teaches the first.
    """
    places = jnp.arange(1, batch.tokens.size, _BEFORE_EVERY)
    tokens, segments = batch.tokens.reshape(-1), batch.segments.reshape(-1)
    read = early.reshape(-1, SHAPE.hidden)[places]
    read = read * jax.lax.rsqrt(jnp.mean(read * read, axis=-1, keepdims=True) + SHAPE.norm_epsilon)
    logits = read @ weights[PROBE] @ jax.lax.stop_gradient(weights["embed_tokens"]).T
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, tokens[places - 1])
    return jnp.where(segments[places] == segments[places - 1], losses, 0.0).mean()


def _which_are_matrices(weights: Weights) -> dict[str, optax.contrib.MuonDimensionNumbers | None]:
    return {name: optax.contrib.MuonDimensionNumbers() if name.endswith("_proj") else None for name in weights}


def _tokenizer(folder: Path, seed: int) -> Tokenizer:
    if not (folder / "tokenizer.json").exists():
        write_tokenizer(train_tokenizer(seed), folder)
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="train the embedded model")
    parser.add_argument("--folder", type=Path, required=True, help="where checkpoints are kept")
    parser.add_argument("--start", type=Path, help="the folder of an earlier model to start from")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
