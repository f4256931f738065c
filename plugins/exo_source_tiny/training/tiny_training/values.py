"""Which value may a field have?"""

from __future__ import annotations

from random import Random

from tiny_training.fields import Field, Json, Scalar, Values
from tiny_training.words import Words, invent_word


def draw_value(field: Field, words: Words, rng: Random) -> Json:
    """A value that the field's schema allows; an object has all its required fields and some of the others."""
    match field.kind:
        case "choice":
            return rng.choice(field.choices)
        case "array":
            return [draw_scalar(field.item, field.values, words, rng) for _ in range(rng.choice((1, 2, 2, 3, 3)))]
        case "object":
            return draw_object(field.fields, words, rng)
        case _:
            return draw_scalar(field.kind, field.values, words, rng)


def draw_object(fields: tuple[Field, ...], words: Words, rng: Random) -> dict[str, Json]:
    """Values of all required fields and of half of the others."""
    present = [field for field in fields if field.required or rng.random() < 0.5]
    return {field.key: draw_value(field, words, rng) for field in present}


def draw_scalar(kind: Scalar, values: Values, words: Words, rng: Random) -> Json:
    """One value of a simple type."""
    match kind:
        case "string":
            return draw_text(values, words, rng)
        case "integer":
            return _draw_integer(values, rng)
        case "number":
            return rng.choice((_draw_integer(values, rng), round(rng.uniform(0, 100), rng.choice((1, 2)))))
        case "boolean":
            return rng.random() < 0.6


def draw_text(values: Values, words: Words, rng: Random) -> str:
    """A text such as requests hold: a name, a place, a few words, a code."""
    if values in {"any", "small", "large"}:
        values = rng.choice(("names", "places", "things", "things", "codes", "codes"))
    invented = rng.random() < 0.35
    match values:
        case "names":
            return invent_word(rng).capitalize() if invented else rng.choice(words.names)
        case "places":
            return invent_word(rng).capitalize() if invented else rng.choice(words.places)
        case "codes":
            return _draw_code(rng)
        case _:
            return _draw_words(words, rng)


def _draw_words(words: Words, rng: Random) -> str:
    count = rng.choice((1, 2, 2, 3))
    chosen = [invent_word(rng) if rng.random() < 0.25 else rng.choice(words.things) for _ in range(count)]
    text = " ".join(chosen)
    return rng.choice((text, text.capitalize(), text.title()))


def _draw_code(rng: Random) -> str:
    number = rng.randrange(1, 10 ** rng.choice((1, 2, 3, 4)))
    word = invent_word(rng)
    forms = (
        f"{word}-{number}", f"{word.upper()}-{number}", f"{word}{number}", f"{word}_{invent_word(rng)}",
        f"{word}.{rng.choice(('txt', 'pdf', 'py', 'png', 'csv'))}",
        f"{word}@{invent_word(rng)}.{rng.choice(('com', 'org'))}",
        f"20{rng.randrange(20, 40)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}",
        f"{rng.randrange(24):02}:{rng.randrange(60):02}", f"/{word}/{invent_word(rng)}", word.upper()[:3],
    )  # fmt: skip
    return rng.choice(forms)


def _draw_integer(values: Values, rng: Random) -> int:
    if values == "small":
        return rng.randrange(1, 13)
    if values != "large" and rng.random() < 0.05:
        return -rng.randrange(1, 100)
    return rng.randrange(10 ** rng.choice((1, 2, 2, 3, 4)))
