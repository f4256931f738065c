"""Reading the JSON documents that a node gives, with types."""

from __future__ import annotations

from typing import cast

from exo_core.frozen import JsonObject, JsonValue


def as_object(value: JsonValue) -> JsonObject:
    """A JSON object, or an empty one where there is none."""
    return value if isinstance(value, dict) else {}


def as_list(value: JsonValue) -> list[JsonValue]:
    """A JSON array, or an empty one where there is none."""
    return value if isinstance(value, list) else []


def as_text(value: JsonValue) -> str:
    """A string, or nothing."""
    return value if isinstance(value, str) else ""


def as_number(value: JsonValue) -> float:
    """A number, or 0."""
    return float(value) if isinstance(value, int | float) else 0.0


def objects(value: JsonValue) -> list[JsonObject]:
    """The objects of an array."""
    return [cast("JsonObject", item) for item in as_list(value) if isinstance(item, dict)]


def named_objects(value: JsonValue) -> list[tuple[str, JsonObject]]:
    """The objects of an object, sorted by name."""
    return [(name, as_object(item)) for name, item in sorted(as_object(value).items())]


def gigabytes(value: JsonValue) -> str:
    """Bytes for people."""
    size = as_number(value)
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size:.0f} B"
