"""How is a typed value written as bytes, and read back without trusting them?

Canonical MessagePack: maps sorted by key, integers and lengths in their shortest form, floats always 64 bits, no
extension types. Equal values give equal bytes, so hashes over them mean something. Tuples are arrays, bytes stay bytes;
sets have no order and are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, cast

import msgpack
from pydantic import BaseModel, TypeAdapter, ValidationError

from exo_core.errors import WireError
from exo_core.transports import MAXIMUM_MESSAGE_BYTES, Buffer
from exo_core.wire.bounds import MAXIMUM_DEPTH, check_bounds

ValueT = TypeVar("ValueT")
ModelT = TypeVar("ModelT", bound=BaseModel)


def encode(adapter: TypeAdapter[ValueT], value: ValueT) -> bytes:
    """The canonical bytes of `value`. Raises `ValueError` when it is not of the adapter's type or cannot be written."""
    return pack(adapter.dump_python(value, warnings="error"))


def encode_model(value: BaseModel) -> bytes:
    """The canonical bytes of a model, as its own class sees it. Raises like `encode`."""
    return pack(value.model_dump(warnings="error"))


def decode(adapter: TypeAdapter[ValueT], data: Buffer) -> ValueT:
    """The value in `data`. Raises only `WireError`, which never quotes the data (it may hold prompts)."""
    plain = unpack(data)
    try:
        return adapter.validate_python(plain, strict=True)
    except ValidationError as problem:
        message = f"the bytes are not what was agreed: {_without_data(problem)}"
        raise WireError(message) from None


def decode_model(model: type[ModelT], data: Buffer) -> ModelT:
    """The model in `data`. Raises only `WireError`."""
    plain = unpack(data)
    try:
        return model.model_validate(plain, strict=True)
    except ValidationError as problem:
        message = f"the bytes are no {model.__name__}: {_without_data(problem)}"
        raise WireError(message) from None


def pack(plain: object) -> bytes:
    """Canonical bytes of None, bool, int (64 bits), float, str, bytes, and lists, tuples and dicts of them."""
    try:
        return cast("bytes", _packb(_ordered(plain, MAXIMUM_DEPTH), use_bin_type=True))
    except (TypeError, OverflowError) as problem:
        message = f"a value cannot be written: {problem}"
        raise ValueError(message) from problem


def pack_lists(plain: Sequence[object]) -> bytes:
    """The same for what holds no map anywhere: nothing is to be sorted, so it takes a fifth of the time."""
    try:
        return cast("bytes", _packb(plain, use_bin_type=True))
    except (TypeError, OverflowError) as problem:
        message = f"a value cannot be written: {problem}"
        raise ValueError(message) from problem


def unpack(data: Buffer) -> object:
    """The plain value in `data`, arrays as tuples. Raises only `WireError`."""
    if len(data) > MAXIMUM_MESSAGE_BYTES:
        message = f"{len(data)} bytes are more than a message may have ({MAXIMUM_MESSAGE_BYTES})"
        raise WireError(message)
    check_bounds(data)
    try:
        return cast("object", _unpackb(data, raw=False, use_list=False, strict_map_key=False))
    except (ValueError, TypeError) as problem:  # text that is not UTF-8; an array as a map's key
        message = f"the bytes are not MessagePack as exo writes it: {type(problem).__name__}"
        raise WireError(message) from None


_packb = cast("Any", msgpack.packb)  # msgpack ships no complete types
_unpackb = cast("Any", msgpack.unpackb)


_SCALARS = frozenset((type(None), bool, int, float, str, bytes))
"""Most of what is written; a call for each would cost more than all the rest."""


def _ordered(value: object, depth: int) -> object:
    """The same value with sorted maps. Raises `ValueError` when nested too deep."""
    if isinstance(value, dict):
        _check_depth(depth)
        table = cast("dict[Any, object]", value)
        return {
            key: item if type(item := table[key]) in _SCALARS else _ordered(item, depth - 1) for key in sorted(table)
        }
    if isinstance(value, list | tuple):
        _check_depth(depth)
        items = cast("list[object] | tuple[object, ...]", value)
        if _SCALARS.issuperset(map(type, items)):
            return items
        return [item if type(item) in _SCALARS else _ordered(item, depth - 1) for item in items]
    return value


def _check_depth(depth: int) -> None:
    if depth <= 0:
        message = f"a value is nested deeper than {MAXIMUM_DEPTH}"
        raise ValueError(message)


def _without_data(problem: ValidationError) -> str:
    first = problem.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(str(step) for step in first['loc']) or 'the value'}: {first['type']}"
