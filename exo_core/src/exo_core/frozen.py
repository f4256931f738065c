"""The base of every model that crosses a process or enters the log."""

from __future__ import annotations

from typing import Annotated, cast

import pydantic
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

__all__ = ["Count", "Frozen", "Int64", "JsonValue"]


class Frozen(BaseModel):
    """Immutable, strict (no conversion of types), closed (an unknown field is an error)."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", ser_json_inf_nan="constants")


def _with_lists(value: object) -> object:
    """The wire brings every array as a tuple; JSON knows only lists."""
    if isinstance(value, list | tuple):
        return [_with_lists(item) for item in cast("list[object] | tuple[object, ...]", value)]
    if isinstance(value, dict):
        return {key: _with_lists(item) for key, item in cast("dict[object, object]", value).items()}
    return value


JsonValue = Annotated[pydantic.JsonValue, BeforeValidator(_with_lists)]
"""Anything that JSON can say: what plugins and clients bring. Arrays are lists."""

Int64 = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Count = Annotated[int, Field(ge=0, lt=2**63)]
"""A number of bytes, tokens, layers or entries."""
