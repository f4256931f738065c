"""Calls whose arguments are JSON, between fixed texts: most models write them so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

from exo_engine.answers.json_end import JsonEnd
from exo_engine.answers.lark import arguments_of
from exo_engine.answers.tool_format import CallPiece, Function, Literal


@final
@dataclass(frozen=True, kw_only=True)
class JsonNotation:
    """`opening`, then calls with `separator` between them, then `closing`.

    A call is `before_name`, the name, `before_arguments`, the arguments, `after_arguments`. With an opening or a
    closing all calls are in one such list; without, each stands for itself. See `Notation`.
    """

    trigger: str
    before_name: str
    before_arguments: str
    after_arguments: str = ""
    separator: str | None = None
    """None: an answer has one call at most."""
    opening: str = ""
    closing: str = ""

    @property
    def letters(self) -> str:
        """Every fixed text of it."""
        parts = (self.opening, self.before_name, self.before_arguments, self.after_arguments)
        return "".join((*parts, self.separator or "", self.closing))

    @property
    def is_repeated(self) -> bool:
        """Only calls that stand for themselves."""
        return self.separator is not None and not (self.opening or self.closing)

    def rules(self, functions: Sequence[Function], literal: Literal, *, parallel: bool) -> str:
        """See `Notation`."""
        lead = f"{self.opening}{self.before_name}".removeprefix(self.trigger)
        separated = "" if self.separator is None else f"{literal(self.separator)} call"
        more = f"({separated})*" if parallel and separated else ""
        closing = literal(self.closing)
        lines = [
            f"calls: {literal(self.opening)} call {more} {closing}",
            f"triggered: first {'' if self.is_repeated else more} {closing}",
            *_alternatives("call", self.before_name, self, functions, literal),
            *_alternatives("first", lead, self, functions, literal),
            *(f"arguments_{number}: {arguments_of(function.parameters)}" for number, function in enumerate(functions)),
        ]
        return "\n".join(lines)

    @property
    def reads_on_the_way(self) -> bool:
        """Arguments are told as they are written."""
        return True

    def reader(self) -> JsonNotationReader:
        """See `Notation`."""
        return JsonNotationReader(self)


def _alternatives(
    rule: str, lead: str, notation: JsonNotation, functions: Sequence[Function], literal: Literal
) -> Iterator[str]:
    """A rule for a call of any function, and one for each."""
    yield f"{rule}: {' | '.join(f'{rule}_{number}' for number in range(len(functions)))}"
    for number, function in enumerate(functions):
        beginning = literal(f"{lead}{function.name}{notation.before_arguments}")
        yield f"{rule}_{number}: {beginning} arguments_{number} {literal(notation.after_arguments)}"


@final
class JsonNotationReader:
    """See `NotationReader`. What is between calls is passed over."""

    def __init__(self, notation: JsonNotation) -> None:
        before, after = re.escape(notation.before_name), re.escape(notation.before_arguments)
        self._beginning = re.compile(f"{before}([a-zA-Z0-9_-]+){after}")
        self._between = ""
        self._arguments: JsonEnd | None = None

    def add(self, text: str) -> Sequence[CallPiece]:
        """See `NotationReader`."""
        return list(self._pieces(text))

    def _pieces(self, text: str) -> Iterator[CallPiece]:
        while text:
            if self._arguments is not None:
                end = self._arguments.add(text)
                yield CallPiece(text[:end])
                text, self._arguments = ("", self._arguments) if end is None else (text[end:], None)
                continue
            self._between += text
            begun = self._beginning.search(self._between)
            if begun is None:
                return
            text, self._between, self._arguments = self._between[begun.end() :], "", JsonEnd()
            yield CallPiece("", begun[1])
