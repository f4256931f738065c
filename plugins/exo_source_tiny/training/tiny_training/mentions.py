"""How does a person say which value an argument has?"""

from __future__ import annotations

import json
from random import Random

from tiny_training.fields import Field, Json
from tiny_training.phrasing import draw
from tiny_training.topics import read_requests


def mention(field: Field, value: Json, rng: Random) -> str:
    """Words that give the field this value; the value stands in them letter for letter (except true and false)."""
    spoken = field.key.replace("_", " ") if rng.random() < 0.7 else field.key
    patterns = read_requests("mentions")
    match value:
        case bool():
            return _fill(draw(patterns["true" if value else "false"], rng), spoken, "")
        case int() | float():
            return _fill(draw(patterns["counted"], rng), spoken, say(value, rng))
        case dict():
            parts = [mention(inner, value[inner.key], rng) for inner in field.fields if inner.key in value]
            return f"{spoken} {join(parts, rng)}"
        case _:
            return _fill(draw(patterns["with_key"], rng), spoken, say(value, rng))


def say(value: Json, rng: Random) -> str:
    """A value as it is typed in a sentence; a text of several words more often in quotes."""
    if isinstance(value, list):
        return join([str(item) for item in value], rng)
    if isinstance(value, bool):
        return json.dumps(value)
    text = str(value)
    if isinstance(value, str) and rng.random() < (0.4 if " " in text else 0.1):
        mark = rng.choice('""\'')
        return f"{mark}{text}{mark}"
    return text


def join(parts: list[str], rng: Random) -> str:
    """A list of parts as a sentence has it."""
    if len(parts) < 2:
        return "".join(parts)
    last = rng.choice((" and ", " and ", " and ", ", ", ", and "))
    return ", ".join(parts[:-1]) + last + parts[-1]


def _fill(pattern: str, key: str, value: str) -> str:
    return pattern.replace("KEY", key).replace("VALUE", value)
