"""Which words are tools, their keys and their values made of? Read from topics/words.toml, a list for each part."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Literal, final

from tiny_training.topics import TOPICS_FOLDER

WordPart = Literal["training", "development", "test"]
_ONSETS = (*"bcdfghjklmnprstvwz", "br", "dr", "fl", "gr", "kl", "pl", "st", "tr", "sh", "qu")
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ea", "oo", "ou")
_CODAS = ("b", "d", "g", "k", "l", "m", "n", "p", "r", "s", "t", "x", "nd", "rk", "st")


@final
@dataclass(frozen=True, slots=True)
class Words:
    """The words of one part. Those of names and places may hold spaces; those of keys underscores."""

    verbs: Sequence[str]
    lookups: Sequence[str]
    """Verbs of tools that only tell something."""
    nouns: Sequence[str]
    adjectives: Sequence[str]
    text_keys: Sequence[str]
    count_keys: Sequence[str]
    flag_keys: Sequence[str]
    names: Sequence[str]
    places: Sequence[str]
    choices: Sequence[str]
    things: Sequence[str]


@cache
def read_words(part: WordPart) -> Words:
    """The words of a part."""
    entries = tomllib.loads((TOPICS_FOLDER / "words.toml").read_text(encoding="utf-8"))[part]
    words = {kind: tuple(text.split()) for kind, text in entries.items()}
    for kind in ("names", "places"):
        words[kind] = tuple(word.replace("_", " ") for word in words[kind])
    return Words(**words)


def invent_word(rng: Random) -> str:
    """A word of one to three syllables that no language has: what cannot be known has to be copied."""
    syllables = ((rng.choice(_ONSETS), rng.choice(_VOWELS)) for _ in range(rng.choice((1, 2, 2, 2, 3))))
    return "".join(onset + vowel for onset, vowel in syllables) + rng.choice(("", rng.choice(_CODAS)))
