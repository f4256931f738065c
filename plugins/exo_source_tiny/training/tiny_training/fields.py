"""What is a field of a tool's arguments or of a JSON answer, and how is it declared?

A field has two forms: a JSON schema, as clients declare it, and a `signature`, the short form into which the chat
template turns the schema: `"integer"`, `"integer or null"` for one that may be left out, a list of the choices of an
enum, `"array of string"`, and an object of signatures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, final

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
Scalar = Literal["string", "integer", "number", "boolean"]
Kind = Literal["string", "integer", "number", "boolean", "choice", "array", "object"]
Values = Literal["names", "places", "things", "codes", "any", "small", "large"]


@final
@dataclass(frozen=True, slots=True)
class Field:
    """One argument. `choices` belong to kind "choice", `fields` to "object", `item` to "array"."""

    key: str
    kind: Kind
    required: bool = True
    values: Values = "any"
    choices: tuple[str, ...] = ()
    item: Scalar = "string"
    fields: tuple[Field, ...] = ()


def signature(field: Field) -> Json:
    """The short form of one field's schema."""
    match field.kind:
        case "choice":
            return [*field.choices, *(() if field.required else (None,))]
        case "object":
            return signatures(field.fields)
        case "array":
            short = f"array of {field.item}"
        case _:
            short = field.kind
    return short if field.required else f"{short} or null"


def signatures(fields: Sequence[Field]) -> dict[str, Json]:
    """Key -> short form."""
    return {field.key: signature(field) for field in fields}


def schema(field: Field) -> dict[str, Json]:
    """The JSON schema of one field."""
    match field.kind:
        case "choice":
            return {"type": "string", "enum": list(field.choices)}
        case "object":
            return object_schema(field.fields)
        case "array":
            return {"type": "array", "items": {"type": field.item}}
        case _:
            return {"type": field.kind}


def object_schema(fields: Sequence[Field]) -> dict[str, Json]:
    """The JSON schema of an object with these fields."""
    return {
        "type": "object",
        "properties": {field.key: schema(field) for field in fields},
        "required": [field.key for field in fields if field.required],
    }
