"""The base of every model that crosses a process or enters the log."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue

__all__ = ["Count", "Frozen", "Int64", "JsonValue"]


class Frozen(BaseModel):
    """Immutable, strict (no conversion of types), closed (an unknown field is an error)."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", ser_json_inf_nan="constants")


Int64 = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Count = Annotated[int, Field(ge=0, lt=2**63)]
"""A number of bytes, tokens, layers or entries."""
