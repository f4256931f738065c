"""Arguments have no properties that nobody named, unless the schema says something else."""

from __future__ import annotations

import pytest

from exo_core.frozen import JsonObject
from exo_engine.answers.closed_schemas import closed

NAMED: JsonObject = {"type": "object", "properties": {"a": {"type": "integer"}}}
CLOSED: JsonObject = {**NAMED, "additionalProperties": False}
OPEN: list[JsonObject] = [
    {"type": "object"},
    {**NAMED, "additionalProperties": {"type": "string"}},
    {**NAMED, "additionalProperties": True},
    {**NAMED, "patternProperties": {"^x": {}}},
    {"type": "object", "properties": {"values": {"enum": [NAMED]}}, "additionalProperties": True},
    {"allOf": [NAMED, {"type": "object", "properties": {"b": {}}}]},
    {"type": "object", "properties": {"x": {"allOf": [{"$ref": "#/$defs/x"}]}}, "$defs": {"x": NAMED}},
]


def test_objects_are_closed_wherever_they_are() -> None:
    nested: JsonObject = {
        **NAMED,
        "properties": {"list": {"type": "array", "items": NAMED}, "one": {"anyOf": [NAMED, {"$ref": "#/$defs/x"}]}},
        "$defs": {"x": NAMED},
    }
    assert closed(nested) == {
        **CLOSED,
        "properties": {"list": {"type": "array", "items": CLOSED}, "one": {"anyOf": [CLOSED, {"$ref": "#/$defs/x"}]}},
        "$defs": {"x": CLOSED},
    }


@pytest.mark.parametrize("schema", OPEN)
def test_what_means_to_be_open_stays_open(schema: JsonObject) -> None:
    assert closed(schema) == schema


def test_a_parameter_may_be_called_as_a_keyword_is() -> None:
    """Then it is taken for one, and the schema stays open: nothing that it allows is forbidden."""
    odd: JsonObject = {"type": "object", "properties": {"not": {"type": "string"}}}
    assert closed(odd) == odd
