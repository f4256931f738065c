"""Tools such as clients declare most, from topics/tools.toml: how is one declared, and how do people ask for it?"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from random import Random
from typing import Any, final

from tiny_training.askable import AskableTool
from tiny_training.fields import Field, Json
from tiny_training.mentions import say
from tiny_training.phrasing import draw
from tiny_training.tools import Call, Tool
from tiny_training.topics import TOPICS_FOLDER
from tiny_training.values import draw_value
from tiny_training.words import invent_word, read_words

_STRANGE_KEY_SHARE = 0.12
_OPTIONAL_SHARE = 0.4
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


@final
@dataclass(frozen=True, slots=True)
class KnownField:
    """A field's alternatives; `optional` is the pattern that asks for one that may be left out, else empty."""

    keys: str
    kind: Any
    values: str = "any"
    choices: str = ""
    optional: str = ""


@final
@dataclass(frozen=True, slots=True)
class KnownTool:
    """A tool's alternatives."""

    names: str
    descriptions: str
    requests: tuple[str, ...]
    fields: Mapping[str, KnownField]


@cache
def read_known_tools() -> tuple[KnownTool, ...]:
    """All tools of topics/tools.toml."""
    entries = _read()
    return tuple(
        KnownTool(
            entry["names"],
            entry["descriptions"],
            tuple(entry["requests"]),
            {name: KnownField(**field) for name, field in entry["fields"].items()},
        )
        for name, entry in entries.items()
        if name != "values"
    )


def draw_known_tool(rng: Random) -> AskableTool:
    """A declaration of one of them, and how to ask for it."""
    known = rng.choice(read_known_tools())
    fields = {name: _draw_field(field, rng) for name, field in known.fields.items()}
    kept = {name: field for name, field in fields.items() if field.required or rng.random() < 0.5}
    description = draw(known.descriptions, rng) if rng.random() > 0.07 else ""
    tool = Tool(draw(known.names, rng), description, _unlike(tuple(kept.values())))
    return AskableTool(tool, partial(_ask, known, dict(zip(kept, tool.fields, strict=True)), tool.name))


def _ask(known: KnownTool, fields: Mapping[str, Field], name: str, rng: Random) -> tuple[str, Call]:
    asked = {part: field for part, field in fields.items() if field.required or rng.random() < _OPTIONAL_SHARE}
    values = {part: _draw_value(known.fields[part], field, rng) for part, field in asked.items()}
    pattern = " ".join(
        [draw(rng.choice(known.requests), rng)]
        + [draw(known.fields[part].optional, rng).replace("KEY", fields[part].key.replace("_", " "))
           for part in asked if not fields[part].required]
    )  # fmt: skip
    prompt = _PLACEHOLDER.sub(lambda found: _say(values[found.group(1)], rng), pattern).replace(" ,", ",")
    return prompt, Call(name, {field.key: values[part] for part, field in asked.items()})


def _draw_field(known: KnownField, rng: Random) -> Field:
    key = invent_word(rng) if rng.random() < _STRANGE_KEY_SHARE else draw(known.keys, rng)
    kind = "number" if known.kind == "integer" and rng.random() < 0.2 else known.kind
    values: Any = known.values
    return Field(key, kind, not known.optional, values, tuple(known.choices.split()))


def _draw_value(known: KnownField, field: Field, rng: Random) -> Json:
    if field.kind == "boolean":
        return True  # patterns ask for it
    pattern = _read()["values"].get(known.values)
    if pattern is None:
        return draw_value(field, read_words("training"), rng)
    return _fill(draw(pattern, rng), rng)


def _fill(text: str, rng: Random) -> str:
    text = re.sub("WORD", lambda _: invent_word(rng), text)
    text = re.sub("NUMBER", lambda _: str(rng.randrange(100)), text)
    return re.sub("DIGIT", lambda _: str(rng.randrange(1, 10)), text)


def _say(value: Json, rng: Random) -> str:
    return say(value, rng) if isinstance(value, list) else str(value)


def _unlike(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """The fields with keys that differ: a second `name` becomes `name2`."""
    seen: set[str] = set()
    unlike: list[Field] = []
    for field in fields:
        key = f"{field.key}2" if field.key in seen else field.key
        seen.add(key)
        unlike.append(Field(key, field.kind, field.required, field.values, field.choices, field.item, field.fields))
    return tuple(unlike)


@cache
def _read() -> Mapping[str, Any]:
    return tomllib.loads((TOPICS_FOLDER / "tools.toml").read_text(encoding="utf-8"))
