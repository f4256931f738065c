"""Which prompts may training never see?

`held_out.json` has two parts: `test`, looked at for the published figures only, and `development`, looked at while
the training was being built. Neither part is ever generated: a text in no spelling that normalises to it, a sum in no
phrasing (for `+` in neither order of the operands).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, final

HELD_OUT_FILE = Path(__file__).parent.parent / "held_out.json"

Operator = Literal["+", "-"]
OPERATORS: tuple[Operator, ...] = ("+", "-")
Part = Literal["test", "development"]
PARTS: tuple[Part, ...] = ("test", "development")
_NOT_WORD = re.compile(r"[^\w]+")


@final
@dataclass(frozen=True, slots=True)
class Sum:
    """`a operator b`, operands 0 to 99."""

    a: int
    operator: Operator
    b: int

    @property
    def result(self) -> int:
        return self.a + self.b if self.operator == "+" else self.a - self.b


@final
@dataclass(frozen=True, slots=True)
class Question:
    """A prompt in words and the name of the topic whose answer is right."""

    prompt: str
    topic: str


@final
@dataclass(frozen=True, slots=True)
class HeldOut:
    """One part of the list, by skill."""

    arithmetic: tuple[Sum, ...]
    small_talk: tuple[Question, ...]
    exo: tuple[Question, ...]


@cache
def read_held_out(part: Part) -> HeldOut:
    """One part of `held_out.json`."""
    skills = json.loads(HELD_OUT_FILE.read_text(encoding="utf-8"))[part]
    return HeldOut(
        tuple(Sum(entry["a"], entry["operator"], entry["b"]) for entry in skills["arithmetic"]),
        tuple(Question(entry["prompt"], entry["topic"]) for entry in skills["small_talk"]),
        tuple(Question(entry["prompt"], entry["topic"]) for entry in skills["exo"]),
    )


def normalise(text: str) -> str:
    """The text without case, punctuation and repeated spaces."""
    return _NOT_WORD.sub(" ", text.casefold()).strip()


def is_held_out_text(prompt: str) -> bool:
    """Whether a prompt in words is on the list."""
    return normalise(prompt) in _texts()


def is_held_out_sum(question: Sum) -> bool:
    """Whether a sum is on the list; additions in either order."""
    return _order(question) in _sums()


def _order(question: Sum) -> Sum:
    if question.operator == "-" or question.a <= question.b:
        return question
    return Sum(question.b, "+", question.a)


@cache
def _texts() -> frozenset[str]:
    parts = [read_held_out(part) for part in PARTS]
    return frozenset(normalise(entry.prompt) for part in parts for entry in (*part.small_talk, *part.exo))


@cache
def _sums() -> frozenset[Sum]:
    return frozenset(_order(entry) for part in PARTS for entry in read_held_out(part).arithmetic)
