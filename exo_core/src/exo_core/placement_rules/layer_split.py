"""How layers are cut over an ordered row of nodes, so that the fullest is as little full as possible.

The smallest fill level r is sought such that every node, given r times its free memory, holds a contiguous range of at
least one segment (the layers between two permitted cuts). That is a split in proportion to free memory which already
counts the embedding, the head and the caches. For a given r, filling each node as far as it goes finds a split
whenever one exists; so a split over n nodes costs a few passes over the layers, and no arrangement is enumerated.
"""

from __future__ import annotations

from collections.abc import Sequence

from exo_core.cards import Card
from exo_core.placement_rules.memory_needs import range_bytes

Cuts = tuple[int, ...]
"""n + 1 layer indices: node i holds layers cuts[i] … cuts[i + 1] - 1."""

_HALVINGS = 30


def split_layers(cards: Sequence[Card], free_bytes: Sequence[int], kv_tokens: int) -> Cuts | None:
    """The evenest split over nodes with this much free memory, in this order; None when there is none.

    `cards[i]` is the model's card as node i computes it: only the sizes may differ.
    """
    best = _fill(cards, free_bytes, kv_tokens)
    if best is None:
        return None
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        level = (low + high) / 2
        found = _fill(cards, [int(free * level) for free in free_bytes], kv_tokens)
        low, high = (level, high) if found is None else (low, level)
        best = found or best
    return best


def _fill(cards: Sequence[Card], room: Sequence[int], kv_tokens: int) -> Cuts | None:
    """Fill each node in turn as far as its room goes, leaving a segment for each that follows."""
    layers = cards[0].layers
    borders = (0, *sorted(cards[0].cut_points), layers)
    if len(borders) - 1 < len(room):
        return None
    cuts = [0]
    place = 0
    for number, (card, bytes_here) in enumerate(zip(cards, room, strict=True)):
        last_allowed = len(borders) - 1 - (len(room) - number - 1)
        place = _farthest(card, borders, place, last_allowed, bytes_here, kv_tokens)
        if borders[place] == cuts[-1]:
            return None
        cuts.append(borders[place])
    return tuple(cuts) if cuts[-1] == layers else None


def _farthest(card: Card, borders: Sequence[int], start: int, limit: int, room: int, kv_tokens: int) -> int:
    """The farthest border that a node can reach from border `start`; `start` itself when not even the next.

    More layers never take less, so the search may halve.
    """
    low, high = start, limit
    while low < high:
        middle = (low + high + 1) // 2
        if range_bytes(card, borders[start], borders[middle], kv_tokens) <= room:
            low = middle
        else:
            high = middle - 1
    return low
