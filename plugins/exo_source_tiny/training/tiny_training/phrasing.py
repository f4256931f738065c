"""How is one phrasing drawn from a pattern such as `how (do|can) I <start>`?

`(a|b|)` draws one alternative (nesting allowed, an empty one too); `<name>` draws from the macro of that name.
Spaces that an empty alternative leaves behind are closed up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from random import Random
from typing import TypeAlias

Choice: TypeAlias = tuple[tuple["str | Choice", ...], ...]

_MACRO = re.compile(r"<([a-z_]+)>")
_SPACES = re.compile(r"\s+")
_MACRO_DEPTH = 6


def substitute_macros(pattern: str, macros: Mapping[str, str]) -> str:
    """The pattern with every `<name>` replaced by `(its alternatives)`; an unknown name is an error."""
    for _ in range(_MACRO_DEPTH):
        if _MACRO.search(pattern) is None:
            return pattern
        pattern = _MACRO.sub(lambda found: f"({macros[found.group(1)]})", pattern)
    message = f"macros nest deeper than {_MACRO_DEPTH} in {pattern!r}"
    raise ValueError(message)


@cache
def parse(pattern: str) -> Choice:
    """The alternatives of a pattern without macros."""
    choice, end = _parse_choice(pattern, 0)
    if end != len(pattern):
        message = f"unbalanced ')' at {end} in {pattern!r}"
        raise ValueError(message)
    return choice


def draw(pattern: str, rng: Random) -> str:
    """One phrasing of a pattern without macros."""
    return _SPACES.sub(" ", _draw_choice(parse(pattern), rng)).strip()


def _parse_choice(pattern: str, start: int) -> tuple[Choice, int]:
    alternatives: list[tuple[str | Choice, ...]] = []
    items: list[str | Choice] = []
    position = start
    while position < len(pattern) and pattern[position] != ")":
        character = pattern[position]
        position += 1
        if character == "|":
            alternatives.append(tuple(items))
            items = []
        elif character == "(":
            inner, position = _parse_choice(pattern, position)
            if position >= len(pattern):
                message = f"a '(' is never closed in {pattern!r}"
                raise ValueError(message)
            items.append(inner)
            position += 1
        else:
            items.append(character)
    alternatives.append(tuple(items))
    return tuple(alternatives), position


def _draw_choice(choice: Choice, rng: Random) -> str:
    return "".join(
        item if isinstance(item, str) else _draw_choice(item, rng) for item in choice[int(rng.random() * len(choice))]
    )
