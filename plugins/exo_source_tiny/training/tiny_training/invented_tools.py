"""How is a tool made up that training never sees twice, and how is it asked for?

A name is a verb and a noun in one of the usual spellings, each now and then a word that no language has. A request
holds the noun, mostly the verb, and says the arguments by their keys or, where that is clear, without.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from random import Random
from typing import final

from tiny_training.askable import AskableTool
from tiny_training.fields import Field, Json, Kind, Values
from tiny_training.mentions import join, mention, say
from tiny_training.phrasing import draw
from tiny_training.tools import Call, Tool
from tiny_training.topics import read_requests
from tiny_training.values import draw_object
from tiny_training.words import Words, invent_word

_LINKS = (" with ", " with ", ", ", ": ", " - ", " using ", " (", " where ", " having ")
_PLACE_LINKS = ("in", "for", "of", "at", "from", "to", "on", "with", "by")


@final
@dataclass(frozen=True, slots=True)
class Theme:
    """What a tool does, in two words."""

    verb: str
    noun: str
    is_lookup: bool


def draw_invented_tool(words: Words, rng: Random) -> AskableTool:
    """A tool that was never seen, and how to ask for it."""
    theme = _draw_theme(words, rng)
    tool = Tool(_draw_name(theme, rng), _draw_description(theme, rng), draw_fields(words, rng))
    return AskableTool(tool, partial(_ask, tool, theme, words))


def draw_fields(words: Words, rng: Random, *, inside: bool = False) -> tuple[Field, ...]:
    """No to four fields with different keys; optional ones last."""
    count = rng.choice((1, 2, 2) if inside else (0, 1, 1, 1, 2, 2, 2, 3, 3, 4))
    fields: dict[str, Field] = {}
    while len(fields) < count:
        field = _draw_field(words, rng, inside)
        fields.setdefault(field.key, field)
    return tuple(sorted(fields.values(), key=lambda field: not field.required))


def _draw_theme(words: Words, rng: Random) -> Theme:
    is_lookup = rng.random() < 0.4
    verb = invent_word(rng) if rng.random() < 0.1 else rng.choice(words.lookups if is_lookup else words.verbs)
    noun = invent_word(rng) if rng.random() < 0.25 else rng.choice(words.nouns)
    if rng.random() < 0.2:
        noun = f"{rng.choice((*words.adjectives, *words.nouns))} {noun}"
    return Theme(verb, noun, is_lookup)


def _draw_name(theme: Theme, rng: Random) -> str:
    pattern = draw(_pattern(theme, "names"), rng)
    if rng.random() < 0.15:
        return theme.verb + theme.noun.title().replace(" ", "")
    joint = "-" if "-" in pattern else "_"
    return pattern.replace("VERB", theme.verb).replace("NOUN", theme.noun.replace(" ", joint))


def _draw_description(theme: Theme, rng: Random) -> str:
    if rng.random() < 0.1:
        return ""
    text = _fill(draw(_pattern(theme, "descriptions"), rng), theme, "")
    return text[:1].upper() + text[1:] if rng.random() < 0.8 else text


def _draw_field(words: Words, rng: Random, inside: bool) -> Field:
    simple: tuple[Kind, ...] = ("string", "string", "string", "integer", "integer", "number", "boolean", "choice")
    kind = rng.choice(simple if inside else (*simple, *simple, "array", "object"))
    required = inside or rng.random() < 0.75
    key = invent_word(rng) if rng.random() < 0.2 else rng.choice(_keys(kind, words))
    if kind == "choice":
        pool = words.choices if rng.random() < 0.7 else [invent_word(rng) for _ in range(4)]
        return Field(key, kind, required, choices=tuple(dict.fromkeys(rng.choices(pool, k=rng.choice((2, 3, 3, 4))))))
    if kind == "array":
        values: Values = rng.choice(("names", "places", "things"))
        return Field(key, kind, required, values, item=rng.choice(("string", "string", "integer")))
    if kind == "object":
        return Field(key, kind, required, fields=draw_fields(words, rng, inside=True))
    return Field(key, kind, required)


def _keys(kind: Kind, words: Words) -> tuple[str, ...]:
    if kind in {"integer", "number"}:
        return tuple(words.count_keys)
    return tuple(words.flag_keys if kind == "boolean" else words.text_keys)


def _ask(tool: Tool, theme: Theme, words: Words, rng: Random) -> tuple[str, Call]:
    arguments = draw_object(tool.fields, words, rng)
    frame = _fill(draw(_pattern(theme, "requests"), rng), theme, tool.name)
    return _say_arguments(frame, tool, arguments, rng), Call(tool.name, arguments)


def _say_arguments(frame: str, tool: Tool, arguments: dict[str, Json], rng: Random) -> str:
    said = [field for field in tool.fields if field.key in arguments]
    rng.shuffle(said)
    bare = _bare(said, arguments, rng)
    if bare is not None:
        said.remove(bare)
        frame = f"{frame} {rng.choice(_PLACE_LINKS)} {say(arguments[bare.key], rng)}"
    if not said:
        return frame
    link = rng.choice(_LINKS)
    close = ")" if link == " (" else ""
    return frame + link + join([mention(field, arguments[field.key], rng) for field in said], rng) + close


def _bare(said: list[Field], arguments: dict[str, Json], rng: Random) -> Field | None:
    """A field whose value can be told without its key: the only text there is, or a choice."""
    texts = [field for field in said if field.kind == "string"]
    choices = [field for field in said if field.kind == "choice"]
    candidates = [*choices, *(texts if len(texts) == 1 else ())]
    return rng.choice(candidates) if candidates and rng.random() < 0.6 else None


def _pattern(theme: Theme, name: str) -> str:
    return read_requests("invented")[f"lookup_{name}" if theme.is_lookup else name]


def _fill(pattern: str, theme: Theme, name: str) -> str:
    return pattern.replace("VERB", theme.verb).replace("NOUN", theme.noun).replace("NAME", name)
