"""Which topics does the model know, and how is a question about one drawn? Read from the folder `topics`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Literal, final

from tiny_training.phrasing import draw, substitute_macros

TOPICS_FOLDER = Path(__file__).parent.parent / "topics"
Subject = Literal["about_exo", "small_talk", "beyond"]


@final
@dataclass(frozen=True, slots=True)
class Topic:
    """One answer and the patterns that ask for it; every phrasing of `patterns` has this one right answer."""

    name: str
    answer: str
    patterns: tuple[str, ...]

    def draw_prompt(self, rng: Random) -> str:
        """A phrasing, before noise; patterns weigh the same however many phrasings they hold."""
        return draw(rng.choice(self.patterns), rng)


@final
@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands around a question: fillers before and after it, words that open a question, system messages."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    question_words: tuple[str, ...]
    system_messages: tuple[str, ...]


@cache
def read_surroundings() -> Surroundings:
    """What may stand around a question."""
    entries = tomllib.loads((TOPICS_FOLDER / "surroundings.toml").read_text(encoding="utf-8"))
    return Surroundings(**{name: tuple(items) for name, items in entries.items()})


@cache
def read_macros() -> Mapping[str, str]:
    """Name -> alternatives of the macros that patterns may use."""
    return tomllib.loads((TOPICS_FOLDER / "macros.toml").read_text(encoding="utf-8"))


@cache
def read_requests(subject: Literal["mentions", "invented", "json"]) -> Mapping[str, str]:
    """Name -> pattern of the ways to put requests and facts into words."""
    return tomllib.loads((TOPICS_FOLDER / "requests.toml").read_text(encoding="utf-8"))[subject]


@cache
def read_topics(subject: Subject) -> tuple[Topic, ...]:
    """All topics of a subject, their macros substituted."""
    entries = tomllib.loads((TOPICS_FOLDER / f"{subject}.toml").read_text(encoding="utf-8"))
    macros = read_macros()
    return tuple(
        Topic(name, entry["answer"], tuple(substitute_macros(pattern, macros) for pattern in entry["patterns"]))
        for name, entry in entries.items()
    )


@final
@dataclass(frozen=True, slots=True)
class SumPatterns:
    """Patterns of questions in which « and » stand for the operands; `bare` has next to no words."""

    worded: tuple[str, ...]
    bare: str


@cache
def read_sum_patterns() -> Mapping[str, SumPatterns]:
    """The patterns of each operator."""
    entries = tomllib.loads((TOPICS_FOLDER / "arithmetic.toml").read_text(encoding="utf-8"))
    macros, worded, bare = entries["macros"], entries["patterns"], entries["bare"]
    return {
        operator: SumPatterns(tuple(substitute_macros(pattern, macros) for pattern in worded[name]), bare[name])
        for operator, name in (("+", "sum"), ("-", "difference"))
    }
