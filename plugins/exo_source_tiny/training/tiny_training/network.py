"""What does the network compute? A Llama decoder in JAX, float32, with the weight layout that export.py writes out.

Conventions are those of Hugging Face's Llama: RMSNorm before attention and before the gated MLP, rotary embedding on
split halves, grouped key and value heads, the embedding tied to the output head. Matrices are stored (inputs, outputs).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, final

import jax
import jax.numpy as jnp

Weights: TypeAlias = dict[str, jax.Array]
_MASKED = -1e9


@final
@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of the network."""

    vocabulary: int = 1152
    hidden: int = 128
    layers: int = 6
    heads: int = 4
    key_value_heads: int = 2
    head: int = 32
    intermediate: int = 352
    rope_theta: float = 10000.0
    norm_epsilon: float = 1e-5


SHAPE = Shape()
EARLY_LAYERS = 2
PROBE = "probe_proj"  # a matrix of training alone, which no model has


def matrix_shapes(shape: Shape) -> dict[str, tuple[int, int]]:
    """Name within a layer (Hugging Face's) -> (inputs, outputs)."""
    queries, values = shape.heads * shape.head, shape.key_value_heads * shape.head
    return {
        "self_attn.q_proj": (shape.hidden, queries),
        "self_attn.k_proj": (shape.hidden, values),
        "self_attn.v_proj": (shape.hidden, values),
        "self_attn.o_proj": (queries, shape.hidden),
        "mlp.gate_proj": (shape.hidden, shape.intermediate),
        "mlp.up_proj": (shape.hidden, shape.intermediate),
        "mlp.down_proj": (shape.intermediate, shape.hidden),
    }


def initial_weights(key: jax.Array, shape: Shape) -> Weights:
    """Normal weights of variance 1/inputs; what writes into the residual stream is scaled down by its depth."""
    weights: Weights = {
        "embed_tokens": 0.02 * jax.random.normal(key, (shape.vocabulary, shape.hidden)),
        "norm": jnp.ones(shape.hidden),
        PROBE: shape.hidden**-0.5 * jax.random.normal(key, (shape.hidden, shape.hidden)),
    }
    for layer in range(shape.layers):
        for name, (inputs, outputs) in matrix_shapes(shape).items():
            key, own = jax.random.split(key)
            scale = inputs**-0.5 * ((2 * shape.layers) ** -0.5 if name.endswith(("o_proj", "down_proj")) else 1.0)
            weights[f"layers.{layer}.{name}"] = scale * jax.random.normal(own, (inputs, outputs))
        weights[f"layers.{layer}.input_layernorm"] = jnp.ones(shape.hidden)
        weights[f"layers.{layer}.post_attention_layernorm"] = jnp.ones(shape.hidden)
    return weights


def hidden_states(
    weights: Weights, tokens: jax.Array, segments: jax.Array, shape: Shape
) -> tuple[jax.Array, jax.Array]:
    """Final normed states (batch, length, hidden) of token ids and segment numbers (batch, length), and early ones.

    A position attends to itself and to earlier positions of its own segment. The early states are those after
    EARLY_LAYERS layers.
    """
    length = tokens.shape[1]
    frequencies = shape.rope_theta ** (-jnp.arange(0, shape.head, 2) / shape.head)
    angles = jnp.arange(length)[:, None, None] * frequencies
    earlier = jnp.arange(length)[:, None] >= jnp.arange(length)[None]
    visible = ((segments[:, :, None] == segments[:, None, :]) & earlier)[:, None]
    early = weights["embed_tokens"][tokens]
    for layer in range(EARLY_LAYERS):
        early = _after_layer(_of_layer(weights, layer), early, angles, visible, shape)
    states = early
    for layer in range(EARLY_LAYERS, shape.layers):
        states = _after_layer(_of_layer(weights, layer), states, angles, visible, shape)
    return _norm(states, weights["norm"], shape), early


def _of_layer(weights: Weights, layer: int) -> Weights:
    prefix = f"layers.{layer}."
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}


def _after_layer(own: Weights, states: jax.Array, angles: jax.Array, visible: jax.Array, shape: Shape) -> jax.Array:
    states = states + _attend(own, _norm(states, own["input_layernorm"], shape), angles, visible, shape)
    normed = _norm(states, own["post_attention_layernorm"], shape)
    gated = jax.nn.silu(normed @ own["mlp.gate_proj"]) * (normed @ own["mlp.up_proj"])
    return states + gated @ own["mlp.down_proj"]


def _attend(own: Weights, normed: jax.Array, angles: jax.Array, visible: jax.Array, shape: Shape) -> jax.Array:
    batch, length, _ = normed.shape
    queries = _rotate((normed @ own["self_attn.q_proj"]).reshape(batch, length, shape.heads, shape.head), angles)
    keys = _rotate((normed @ own["self_attn.k_proj"]).reshape(batch, length, shape.key_value_heads, shape.head), angles)
    values = (normed @ own["self_attn.v_proj"]).reshape(batch, length, shape.key_value_heads, shape.head)
    repeats = shape.heads // shape.key_value_heads
    keys, values = jnp.repeat(keys, repeats, axis=2), jnp.repeat(values, repeats, axis=2)
    scores = jnp.einsum("bqhd,bkhd->bhqk", queries, keys) * shape.head**-0.5
    shares = jax.nn.softmax(jnp.where(visible, scores, _MASKED), axis=-1)
    return jnp.einsum("bhqk,bkhd->bqhd", shares, values).reshape(batch, length, -1) @ own["self_attn.o_proj"]


def _norm(states: jax.Array, scale: jax.Array, shape: Shape) -> jax.Array:
    return states * jax.lax.rsqrt(jnp.mean(states * states, axis=-1, keepdims=True) + shape.norm_epsilon) * scale


def _rotate(heads: jax.Array, angles: jax.Array) -> jax.Array:
    first, second = jnp.split(heads, 2, axis=-1)
    cosine, sine = jnp.cos(angles), jnp.sin(angles)
    return jnp.concatenate([first * cosine - second * sine, second * cosine + first * sine], axis=-1)
