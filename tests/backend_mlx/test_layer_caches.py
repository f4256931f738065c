"""What is said of each kind of mlx-lm's caches is so, and nothing is said of a kind that nobody knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import mlx.core as mx
import pytest
from mlx_lm.models import cache as _untyped

from exo_backend_mlx.evaluation import evaluate
from exo_backend_mlx.layer_caches.kinds import layer_cache
from exo_backend_mlx.layer_caches.layer_cache import CacheSize, LayerCache

library = cast("Any", _untyped)
HEADS, SIZE = 2, 64
BYTES = 2 * HEADS * SIZE * 4
"""Of a token's keys and values in float32."""


class SomebodyElses(library.KVCache):
    """Derived from a known kind, and free to do anything otherwise."""


KNOWN: dict[str, Callable[[], object]] = {
    "growing": library.KVCache,
    "quantized": library.QuantizedKVCache,
    "window": lambda: library.RotatingKVCache(300),
    "window with a beginning": lambda: library.RotatingKVCache(300, 4),
    "chunked": lambda: library.ChunkedKVCache(300),
    "states": lambda: library.ArraysCache(2),
    "parts": lambda: library.CacheList(library.KVCache(), library.ArraysCache(2)),
    "parts that keep all": lambda: library.CacheList(library.KVCache(), library.KVCache()),
}
UNKNOWN: dict[str, Callable[[], object]] = {
    "concatenated": library.ConcatenateKVCache,
    "derived": SomebodyElses,
}
ALL = KNOWN | UNKNOWN


def extend(cache: object, first: int, tokens: int) -> list[mx.array]:
    """Positions first … first + tokens - 1, as a model would; gives what attention sees."""
    own = cast("Any", cache)
    if hasattr(own, "caches"):
        return [array for part in own.caches for array in extend(part, first, tokens)]
    if hasattr(own, "cache"):
        own[0] = mx.full((1, 4), first + tokens)
        own[1] = mx.arange(first, first + tokens)[None, -1:]
        return list(own.cache)
    if hasattr(own, "maybe_trim_front"):
        own.maybe_trim_front()
    positions = mx.arange(first, first + tokens, dtype=mx.float32)
    keys = mx.broadcast_to(positions[None, None, :, None], (1, HEADS, tokens, SIZE))
    return flattened(own.update_and_fetch(keys, keys))


def flattened(tree: object) -> list[mx.array]:
    return (
        [tree]
        if isinstance(tree, mx.array)
        else [leaf for part in cast("list[object]", tree) for leaf in flattened(part)]
    )


def filled(make: Callable[[], object], *counts: int) -> LayerCache:
    cache, at = layer_cache(make()), 0
    for tokens in counts:
        evaluate(extend(cache.own, at, tokens))
        at += tokens
    return cache


def same(one: list[mx.array], other: list[mx.array]) -> bool:
    assert len(one) == len(other) > 0
    return all(bool(mx.array_equal(a, b).item()) for a, b in zip(one, other, strict=True))


def counted(cache: LayerCache, tokens: int) -> int:
    """What `sizes` says of it."""
    return sum(size.fixed + size.per_token * (grown(size, tokens) + size.ahead) for size in cache.sizes())


def grown(size: CacheSize, tokens: int) -> int:
    return tokens if size.window is None else min(tokens, size.window)


@pytest.mark.parametrize("kind", KNOWN)
def test_it_takes_what_is_counted(kind: str) -> None:
    """Whatever came before, chunk or single token."""
    before = filled(KNOWN[kind], 1, 1)
    for counts in ((40, 1), (255, 2, 1), (1,) * 270, (700, 1), (513, 300, 1, 1), (900,), (40, 290)):
        cache = filled(KNOWN[kind], *counts)
        assert before.sizes() == cache.sizes()
        evaluate(cache.compact())
        assert cache.own.nbytes <= counted(before, sum(counts))
    (first, *_) = before.sizes()
    assert kind in ("states", "quantized") or first.per_token == BYTES


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("tokens", [100, 700])
def test_what_can_be_taken_back_leaves_what_was_there_before(kind: str, tokens: int) -> None:
    for surplus in (1, 99, 600):
        cache = filled(ALL[kind], tokens)
        if not cache.can_forget(surplus):
            assert surplus > tokens or not cache.keeps_every_token
            continue
        cache.forget(surplus)
        left = filled(ALL[kind], *([tokens - surplus] if surplus < tokens else []))
        assert same(extend(cache.own, tokens - surplus, 3), extend(left.own, tokens - surplus, 3))


def test_what_keeps_every_token_can_be_cut_and_the_rest_only_before_it_forgets() -> None:
    assert {kind for kind in ALL if filled(ALL[kind], 700, 1).can_forget(1)} == {
        "growing",
        "quantized",
        "parts that keep all",
    }
    assert {kind for kind in ALL if filled(ALL[kind], 100).can_forget(1)} == {
        "growing",
        "quantized",
        "parts that keep all",
        "window",
        "window with a beginning",
        "chunked",
    }


@pytest.mark.parametrize("kind", ALL)
def test_twins_go_on_apart(kind: str) -> None:
    cache, alone = filled(ALL[kind], 700), filled(ALL[kind], 700)
    twin = cache.twin()
    assert type(twin) is type(cache)
    assert twin.likeness == cache.likeness
    extend(cache.own, 9000, 2)
    assert same(extend(twin.own, 700, 5), extend(alone.own, 700, 5))


@pytest.mark.parametrize("kind", ALL)
def test_what_is_compact_goes_on_as_before(kind: str) -> None:
    for following in (1, 7):
        cache, other = filled(ALL[kind], 700, 40), filled(ALL[kind], 700, 40)
        evaluate(cache.compact())
        assert same(extend(cache.own, 740, following), extend(other.own, 740, following))


@pytest.mark.parametrize("kind", UNKNOWN)
def test_of_a_kind_that_nobody_knows_nothing_is_promised(kind: str) -> None:
    cache = filled(UNKNOWN[kind], 100)
    assert type(cache) is LayerCache
    assert not any([cache.keeps_every_token, cache.goes_with_others, cache.keys, cache.lets_lie_in(10**6)])
    with pytest.raises(ValueError, match="cannot be taken back"):
        cache.forget(1)
    with pytest.raises(TypeError, match="one by one"):
        cache.as_one([cache.own], None, 0)


def test_every_cache_of_mlx_lm_for_one_sequence_is_known_but_those() -> None:
    """A new one of the library shows up here."""
    everything = cast("dict[str, object]", vars(library)).values()
    classes = {each for each in everything if isinstance(each, type) and issubclass(each, library._BaseCache)}
    several = {library.BatchKVCache, library.BatchRotatingKVCache}
    known = {type(make()) for make in KNOWN.values()}
    assert classes - several - known == {library._BaseCache, library.ConcatenateKVCache}
