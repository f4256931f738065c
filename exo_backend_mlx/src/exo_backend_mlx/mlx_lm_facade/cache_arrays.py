"""The keys and values inside mlx-lm's caches: taken out, and put back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

import mlx.core as mx
from mlx_lm.models import cache as _untyped

from exo_backend_mlx.mlx_lm_facade.models import Cache

_library = cast("Any", _untyped)


def parts_of(caches: Iterable[Cache]) -> Iterator[Cache]:
    """Those in mlx-lm's `CacheList`s, and those that are none."""
    for cache in caches:
        if type(cache) is _library.CacheList:
            yield from parts_of(cast("Any", cache).caches)
        else:
            yield cache


def drop_trimmed(cache: Cache) -> None:
    """Let a cache that was trimmed forget what is behind its offset, unless that is no more than it grows by anyway.

    mlx-lm's caches keep their arrays when they are trimmed, so the next token would be written into a copy of all that
    was trimmed away. What is left here is a view, and the next token makes the cache grow: that copies only the view.
    """
    held = cast("Any", cache)
    if type(cache) not in (_library.KVCache, _library.QuantizedKVCache) or held.keys is None:
        return
    first = held.keys if isinstance(held.keys, mx.array) else held.keys[0]
    if first.shape[-2] - held.offset > held.step:
        held.keys, held.values = (_beginning(arrays, held.offset) for arrays in (held.keys, held.values))


def cut_window(cache: Cache) -> None:
    """Let a cache that keeps a window hold no more than that: after a chunk of a prompt it holds the chunk besides.

    It is what the cache itself does, lazily, before its next single token; the next chunk keeps a token less.
    """
    held = cast("Any", cache)
    if type(cache) is not _library.RotatingKVCache or held.keys is None:
        return
    surplus = held.keys.shape[2] - held.max_size
    if surplus > 0:  # only a chunk leaves so many, and in the order of the tokens
        held.keys, held.values = (_without(array, held.keep, surplus) for array in (held.keys, held.values))
        held._idx = held.max_size


def holds_keys(cache: Cache) -> bool:
    """Whether it has keys and values, one pair per token in the order of the tokens, as far as it goes."""
    kind = type(cache)
    return kind is _library.KVCache or (kind is _library.RotatingKVCache and length_limit(cache) is not None)


def holds_states(cache: Cache) -> bool:
    """Whether it has arrays that do not grow."""
    return type(cache) is _library.ArraysCache


def copy_states(cache: Cache) -> None:
    """Give the states of a cache that `holds_states` memory of their own, lazily."""
    held = cast("Any", cache)
    held.cache = [None if state is None else state * mx.array(1, state.dtype) for state in held.cache]


def length_limit(cache: Cache) -> int | None:
    """Tokens up to which a cache that keeps a window lies in order; None: it is no such cache."""
    return cast("int | None", getattr(cache, "max_size", None))


def offset_of(cache: Cache) -> int:
    """Tokens seen by a cache that holds keys."""
    return cast("int", cast("Any", cache).offset)


def add_to_offset(cache: Cache, tokens: int) -> None:
    """Count tokens whose keys were put elsewhere."""
    cast("Any", cache).offset += tokens


def take_keys(cache: Cache) -> tuple[mx.array, mx.array]:
    """Its keys and values, (1, heads, tokens, head size), which it then holds no more; its offset stays."""
    held = cast("Any", cache)
    keys, values = held.keys[:, :, : held.offset], held.values[:, :, : held.offset]
    held.keys = held.values = None
    return keys, values


def _beginning(arrays: mx.array | Sequence[mx.array], length: int) -> mx.array | tuple[mx.array, ...]:
    """The first `length` tokens of an array, or of each of the three of a quantized cache."""
    if isinstance(arrays, mx.array):
        return arrays[..., :length, :]
    return tuple(array[..., :length, :] for array in arrays)


def _without(array: mx.array, kept: int, surplus: int) -> mx.array:
    """(1, heads, tokens, head size) without the `surplus` tokens behind the first `kept`, in memory of its own."""
    rest = array[:, :, kept + surplus :]
    left = mx.concatenate([array[:, :, :kept], rest], axis=2) if kept else rest
    return left * mx.array(1, array.dtype)


def put_keys(cache: Cache, keys: mx.array, values: mx.array) -> None:
    """Give it keys and values of as many tokens as its offset says."""
    held = cast("Any", cache)
    _, _, offset, *settings = held.state
    if settings:  # a window: keep, size, where the next token goes
        settings[-1] = offset
    held.state = (keys, values, offset, *settings)
