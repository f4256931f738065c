"""What may a tool give, and which answer in words is right?

The rule is one that can be checked: an object's entries are told one by one, anything else as "The result is …".
"""

from __future__ import annotations

import json
from random import Random

from tiny_training.fields import Json
from tiny_training.tools import dump
from tiny_training.values import draw_scalar
from tiny_training.words import Words, invent_word


def words_of(content: str) -> str:
    """The right answer to what a tool gave: `The color is red, the size is 4.` or `The result is 42.`"""
    try:
        value: Json = json.loads(content)
    except ValueError:
        value = None
    if isinstance(value, dict) and value:
        told = ", the ".join(f"{key.replace('_', ' ')} is {_plain(item)}" for key, item in value.items())
        return f"The {told}."
    text = content.strip().rstrip(".")
    return f"The result is {text.strip(chr(34))}."


def draw_result(words: Words, rng: Random) -> str:
    """The content of a tool's message."""
    fate = rng.random()
    if fate < 0.6:
        entries = {_draw_key(words, rng): _draw_item(words, rng) for _ in range(rng.choice((1, 1, 2, 2, 3)))}
        return dump({**entries})
    if fate < 0.8:
        return str(_draw_item(words, rng))
    return _draw_sentence(words, rng)


def _draw_key(words: Words, rng: Random) -> str:
    if rng.random() < 0.25:
        return invent_word(rng)
    return rng.choice((*words.nouns, *words.text_keys, *words.count_keys))


def _draw_item(words: Words, rng: Random) -> str | int | float:
    value = draw_scalar(rng.choice(("string", "string", "integer", "number")), "any", words, rng)
    return value if isinstance(value, str | int | float) else ""


def _draw_sentence(words: Words, rng: Random) -> str:
    some = [invent_word(rng) if rng.random() < 0.3 else rng.choice((*words.nouns, *words.things)) for _ in range(3)]
    forms = (
        f"{some[0]} {some[1]}", f"the {some[0]} is {some[1]}", f"{some[0]}, {rng.randrange(100)} {some[1]}", "ok",
        "done",
        f"{some[0]} and {some[1]}", f"{rng.randrange(100)} {some[0]}", f"the {some[0]} of {some[1]} is {some[2]}.",
        f"{some[0].capitalize()} {some[1]} {some[2]}", f"no {some[0]} found",
    )  # fmt: skip
    return rng.choice(forms)


def _plain(value: Json) -> str:
    return value if isinstance(value, str) else dump(value)
