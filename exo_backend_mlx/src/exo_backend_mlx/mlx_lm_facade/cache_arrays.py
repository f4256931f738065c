"""The keys and values inside mlx-lm's caches: taken out, and put back."""

from __future__ import annotations

from typing import Any, cast

import mlx.core as mx
from mlx_lm.models import cache as _untyped

from exo_backend_mlx.mlx_lm_facade.models import Cache

_library = cast("Any", _untyped)


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


def put_keys(cache: Cache, keys: mx.array, values: mx.array) -> None:
    """Give it keys and values of as many tokens as its offset says."""
    held = cast("Any", cache)
    _, _, offset, *settings = held.state
    if settings:  # a window: keep, size, where the next token goes
        settings[-1] = offset
    held.state = (keys, values, offset, *settings)
