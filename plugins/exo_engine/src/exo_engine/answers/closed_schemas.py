"""A schema of arguments that allows no others than it names: what fits it fits the schema as it was declared, too.

A declaration that is silent about further properties allows any. A model that makes some up helps nobody: whoever wrote
the function knows nothing of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from exo_core.frozen import JsonValue

_OPEN = frozenset({"additionalProperties", "patternProperties", "unevaluatedProperties", "propertyNames"})
"""Whoever says one of these has thought of it."""
_JOINED = frozenset({"allOf", "if", "dependentSchemas", "not"})
"""Where several schemas hold for one object, to close one would forbid what another names."""


def closed(schema: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The schema as it is, if it joins others anywhere."""
    plain = dict(schema)
    if not _JOINED.isdisjoint(_keys(plain)):
        return plain
    return _closed_object(plain)


def _closed(value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return [_closed(item) for item in value]
    return _closed_object(value) if isinstance(value, dict) else value


def _closed_object(schema: dict[str, JsonValue]) -> dict[str, JsonValue]:
    inner = {key: value if key in {"enum", "const", "default"} else _closed(value) for key, value in schema.items()}
    named = inner.get("properties")
    if isinstance(named, dict) and named and _OPEN.isdisjoint(inner) and "type" in inner:
        inner["additionalProperties"] = False
    return inner


def _keys(value: JsonValue) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _keys(item)
