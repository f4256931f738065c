"""What is kept, and what begins with a part of it, takes the memory that is counted for it and goes on unchanged."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any, cast

import mlx.core as mx
import pytest
from mlx_lm.models import cache as _untyped

from exo_backend_mlx.evaluation import evaluate
from exo_backend_mlx.mlx_lm_facade.models import Cache
from exo_backend_mlx.row_caches import caches_of_rows
from exo_backend_mlx.sequence_caches import SequenceCaches

library = cast("Any", _untyped)
WINDOW = 16
KINDS: dict[str, Callable[[], Cache]] = {
    "keys": library.KVCache,
    "quantized": library.QuantizedKVCache,
    "list": lambda: library.CacheList(library.KVCache(), library.KVCache()),
}


def extend(caches: SequenceCaches, tokens: int) -> list[object]:
    """Add tokens, each with its position for keys and values; gives what attention would see."""
    new = mx.arange(caches.length, caches.length + tokens, dtype=mx.float32)
    keys = mx.broadcast_to(new[None, None, :, None], (1, 2, tokens, 64))
    parts = [part for cache in caches.own for part in cast("tuple[Any, ...]", getattr(cache, "caches", (cache,)))]
    seen: list[object] = [part.update_and_fetch(keys, keys) for part in parts]
    caches.length += tokens
    evaluate(seen)
    return seen


def sequence(*caches: Cache, tokens: int = 0) -> SequenceCaches:
    made = SequenceCaches(list(caches), slice(0, len(caches)))
    if tokens:
        extend(made, tokens)
    return made


def size(caches: SequenceCaches) -> int:
    return sum(cache.nbytes for cache in caches.own)


@pytest.mark.parametrize("kind", KINDS)
def test_who_begins_with_a_short_part_of_a_long_snapshot_copies_that_part_only(kind: str) -> None:
    snapshot = sequence(KINDS[kind](), tokens=8192)
    begun = snapshot.copy()
    begun.trim(100)
    shortened, fresh = extend(begun, 1), sequence(KINDS[kind](), tokens=100)
    assert size(begun) <= size(snapshot) / 8192 * 512
    assert size(snapshot) == size(sequence(KINDS[kind](), tokens=8192))
    assert is_same(shortened, extend(fresh, 1))


def test_a_little_less_is_written_in_place() -> None:
    """Else every step that takes tokens back would copy all that is before them."""
    caches = sequence(library.KVCache(), tokens=8000)
    before = size(caches)
    caches.trim(7990)
    assert size(caches) == before


@pytest.mark.parametrize("keep", [0, 4])
@pytest.mark.parametrize("following", [1, 5, 40])
def test_a_window_that_is_kept_holds_no_more_than_the_window(keep: int, following: int) -> None:
    running = sequence(library.RotatingKVCache(WINDOW, keep), tokens=50)
    extend(running, 50)
    snapshot = running.copy()
    assert size(running) > size(snapshot) == 2 * WINDOW * 2 * 64 * 4
    for _ in range(3):
        assert is_same(extend(snapshot, following), extend(running, following))


def test_a_window_that_is_kept_lets_the_memory_of_the_chunk_go() -> None:
    before = mx.get_active_memory()
    kept = sequence(library.RotatingKVCache(WINDOW), tokens=5000).compact()
    gc.collect()
    assert mx.get_active_memory() - before < 2 * size(kept)


def test_the_offsets_of_rows_are_one_array_for_all_layers() -> None:
    rows = [sequence(library.KVCache(), library.KVCache(), tokens=tokens) for tokens in (3, 5)]
    layers = [cast("Any", cache) for cache in caches_of_rows(rows, [1] * len(rows))]
    assert layers[0].offset is layers[1].offset
    assert layers[0].offset.tolist() == [3, 5]
    new = mx.zeros((2, 2, 1, 64))
    layers[0].update_and_fetch(new, new)
    assert [layer.offset.tolist() for layer in layers] == [[4, 6], [3, 5]]


def is_same(one: list[object], other: list[object]) -> bool:
    arrays, others = (flattened(each) for each in (one, other))
    assert len(arrays) == len(others) > 0
    return all(bool(mx.array_equal(array, twin).item()) for array, twin in zip(arrays, others, strict=True))


def flattened(tree: object) -> list[mx.array]:
    if isinstance(tree, mx.array):
        return [tree]
    return [array for item in cast("list[object]", tree) for array in flattened(item)]
