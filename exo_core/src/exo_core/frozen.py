"""The base of every model that crosses a process or enters the log."""

from __future__ import annotations

from typing import Annotated, cast

import pydantic
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

__all__ = ["Count", "Frozen", "Int64", "JsonObject", "JsonValue"]


class Frozen(BaseModel):
    """Immutable, strict (no conversion of types), closed (an unknown field is an error)."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", ser_json_inf_nan="constants")


MAXIMUM_JSON_DEPTH = 48
"""How deep JSON may be nested: less than the wire allows, since it travels inside of messages."""


_SCALARS = frozenset((type(None), bool, int, float, str))


def _with_lists(value: object, depth: int) -> object:
    """The wire brings every array as a tuple; JSON knows only lists."""
    if not isinstance(value, list | tuple | dict):
        return value
    if depth == 0:
        message = f"nested deeper than {MAXIMUM_JSON_DEPTH}"
        raise ValueError(message)
    if isinstance(value, dict):
        table = cast("dict[object, object]", value)
        return {key: _with_lists(item, depth - 1) for key, item in table.items()}
    return [_with_lists(item, depth - 1) for item in cast("list[object] | tuple[object, ...]", value)]


def _json_lists(value: object) -> object:
    if type(value) in _SCALARS:  # most of what comes
        return value
    return _with_lists(value, MAXIMUM_JSON_DEPTH)


JsonValue = Annotated[pydantic.JsonValue, BeforeValidator(_json_lists)]
"""Anything that JSON can say: what plugins and clients bring. Arrays are lists."""

JsonObject = dict[str, JsonValue]

Int64 = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Count = Annotated[int, Field(ge=0, lt=2**63)]
"""A number of bytes, tokens, layers or entries."""
