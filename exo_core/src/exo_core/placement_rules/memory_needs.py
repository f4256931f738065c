"""How many bytes a shard takes on its node: weights, KV for the reserved context, and fixed state."""

from __future__ import annotations

from collections.abc import Iterable

from exo_core.cards import Card
from exo_core.identifiers import NodeId
from exo_core.placement import Placement, Shard
from exo_core.state.state import State

RESERVED_TOKENS = (8192, 4096, 2048)
"""Tokens of context for which KV memory is set aside at placement, or the model's whole context if that is shorter; the
smaller numbers only where a model fits in no other way. What is free when a shard is loaded comes on top.
"""


def reserved_tokens(card: Card) -> tuple[int, ...]:
    """For how many tokens a new placement reserves KV memory: the numbers to try, the best first."""
    return tuple(dict.fromkeys(min(card.context, tokens) for tokens in RESERVED_TOKENS))


def range_bytes(card: Card, start_layer: int, end_layer: int, kv_tokens: int) -> int:
    """Layers start … end - 1, with the embedding if they begin the model and norm and head if they end it."""
    layers = slice(start_layer, end_layer)
    first = card.ends.first_bytes if start_layer == 0 else 0
    last = card.ends.last_bytes if end_layer == card.layers else 0
    ends = first + last - (card.ends.shared_bytes if first and last else 0)
    return sum(card.layer_bytes[layers]) + _range_cache_bytes(card, layers, kv_tokens) + ends


def shard_bytes(card: Card, placement: Placement, shard: Shard) -> int:
    """One shard of a placement."""
    held = card.computed_in(shard.compute_type)
    return range_bytes(held, shard.start_layer, shard.end_layer, placement.kv_tokens)


def cache_bytes(card: Card, placement: Placement, shard: Shard) -> int:
    """What of a shard's bytes is for caches: KV for the reserved context, and one sequence's fixed state."""
    held = card.computed_in(shard.compute_type)
    return _range_cache_bytes(held, slice(shard.start_layer, shard.end_layer), placement.kv_tokens)


def _range_cache_bytes(card: Card, layers: slice, kv_tokens: int) -> int:
    return kv_tokens * sum(card.kv_bytes_per_token[layers]) + sum(card.state_bytes[layers])


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
