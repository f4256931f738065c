"""A table for people of every field of a request: what it may be, and how it is treated."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from pydantic import BaseModel

from exo_core.frozen import JsonValue
from exo_http.treatments import Refused, Treatment, sent_name, treatment_of

HEAD = "| field | accepted | treatment | |\n|---|---|---|---|\n"
Schema = Mapping[str, Any]


def treatment_table(model: type[BaseModel]) -> str:
    """Markdown, one row per field in the order of their treatments and names. A field without a mark has no row."""
    schema: Schema = model.model_json_schema()
    rows = sorted(_rows(model, schema), key=lambda row: (_ORDER.index(row[2].word), row[0]))
    return HEAD + "".join(f"| `{name}` | {words} | {mark.word} | {_note(mark)} |\n" for name, words, mark in rows)


_ORDER = ("honoured", "extension", "without effect", "refused")


def _rows(model: type[BaseModel], schema: Schema, prefix: str = "") -> Iterator[tuple[str, str, Treatment]]:
    for name, field in model.model_fields.items():
        mark, sent = treatment_of(field), sent_name(name, field)
        if mark is not None:
            yield f"{prefix}{sent}", value_words(schema["properties"][sent], schema.get("$defs", {})), mark
        inner = _inner_model(field.annotation)
        if inner is not None:
            yield from _rows(inner, inner.model_json_schema(), f"{prefix}{sent}.")


def _inner_model(annotation: object) -> type[BaseModel] | None:
    members = cast("tuple[object, ...]", getattr(annotation, "__args__", (annotation,)))
    found = [member for member in members if isinstance(member, type) and issubclass(member, BaseModel)]
    return found[0] if found else None


def _note(mark: Treatment) -> str:
    parts = [mark.note] if mark.note else []
    if isinstance(mark, Refused):
        harmless = [f"`{json.dumps(value)}`" for value in mark.unless]
        if mark.unless_field is not None:
            harmless.append(f"with `{mark.unless_field[0]}`: `{json.dumps(mark.unless_field[1])}`")
        parts += [f"accepted: {', '.join(harmless)}"] if harmless else []
    return "; ".join(parts)


def value_words(schema: Schema, definitions: Schema) -> str:
    """What a JSON schema accepts, in a few words. Null is left out: it means what leaving the field out means."""
    if "$ref" in schema:
        return value_words(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        words = [value_words(member, definitions) for member in schema["anyOf"] if member.get("type") != "null"]
        return " or ".join(dict.fromkeys(words))
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {value_words(schema.get('items', {}), definitions)}{_range(schema, 'Items', ' items')}"
    if schema.get("type") == "string":
        return f"string{_range(schema, 'Length', ' characters')}"
    return f"{schema.get('type', 'anything')}{_bounds(schema)}"


def _range(schema: Schema, kind: str, unit: str) -> str:
    least, most = schema.get(f"min{kind}"), schema.get(f"max{kind}")
    if most is None:
        return ", not empty" if least else ""
    return f", {least or 0} … {most}{unit}"


def _bounds(schema: Schema) -> str:
    least, most = _limit(schema, "inimum", "from", "above"), _limit(schema, "aximum", "to", "below")
    return "".join(f" {words}" for words in (least, most) if words)


def _limit(schema: Schema, kind: str, inclusive: str, exclusive: str) -> str:
    for key, word in ((f"m{kind}", inclusive), (f"exclusiveM{kind}", exclusive)):
        if key in schema:
            return f"{word} {_number(schema[key])}"
    return ""


def _number(value: JsonValue) -> str:
    if isinstance(value, int) and abs(value) in {2**31, 2**63}:
        return f"{'-' if value < 0 else ''}2^{abs(value).bit_length() - 1}"
    return f"{value:g}" if isinstance(value, float) else str(value)
