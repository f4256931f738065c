"""How many bytes a shard takes on its node: weights, KV for the reserved context, and fixed state."""

from __future__ import annotations

from collections.abc import Iterable

from exo_core.cards import Card
from exo_core.identifiers import NodeId
from exo_core.placement import Placement, Shard
from exo_core.state.state import State

RESERVED_TOKENS = 8192
"""Tokens of context for which KV memory is set aside at placement, or the model's whole context if that is shorter."""


def reserved_tokens(card: Card) -> int:
    """Tokens for which a new placement reserves KV memory."""
    return min(card.context, RESERVED_TOKENS)


def range_bytes(card: Card, start_layer: int, end_layer: int, kv_tokens: int) -> int:
    """Layers start … end - 1, with the embedding if they begin the model and norm and head if they end it."""
    layers = slice(start_layer, end_layer)
    first = card.ends.first_bytes if start_layer == 0 else 0
    last = card.ends.last_bytes if end_layer == card.layers else 0
    cache = kv_tokens * sum(card.kv_bytes_per_token[layers]) + sum(card.state_bytes[layers])
    return sum(card.layer_bytes[layers]) + cache + first + last


def shard_bytes(card: Card, placement: Placement, shard: Shard) -> int:
    """One shard of a placement."""
    return range_bytes(card, shard.start_layer, shard.end_layer, placement.kv_tokens)


def memory_per_node(card: Card, placement: Placement) -> dict[NodeId, int]:
    """What a placement takes on each of its nodes."""
    return {shard.node_id: shard_bytes(card, placement, shard) for shard in placement.shards}


def reserved_on(state: State, node_id: NodeId) -> int:
    """What all placed instances take on a node, loaded or not."""
    return sum(_placed_bytes(state, node_id))


def _placed_bytes(state: State, node_id: NodeId) -> Iterable[int]:
    for instance in state.instances.values():
        model = state.models.get(instance.request.model_id)
        if model is not None and instance.placement is not None:
            yield memory_per_node(model.card, instance.placement).get(node_id, 0)
