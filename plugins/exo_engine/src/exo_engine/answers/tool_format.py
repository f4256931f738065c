"""How a model writes calls of tools, and how they are read.

Whoever brings a model brings its format, as `Markup.tool_format`. Calls in a format without a `notation` are read after
the fact, and cannot be required.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from exo_core.frozen import JsonValue

ToolDocument = Mapping[str, JsonValue]
"""One of a `ChatPrompt`'s tools."""
Literal = Callable[[str], str]
"""Writes a text into a rule of a grammar, tokens that stand for a text of their own as such."""


@dataclass(frozen=True)
class ToolCall:
    """A call that a model made."""

    name: str
    arguments: Mapping[str, JsonValue]


@dataclass(frozen=True)
class Function:
    """What may be called. `parameters` is the JSON schema of its arguments, an object."""

    name: str
    parameters: Mapping[str, JsonValue]


@dataclass(frozen=True)
class CallPiece:
    """Some of a call's arguments, as JSON. With `name` a call begins."""

    arguments: str
    name: str | None = None


class NotationReader(Protocol):
    """Reads calls while they are written."""

    def add(self, text: str) -> Sequence[CallPiece]:
        """What became certain with the next text."""
        ...


class Notation(Protocol):
    """Calls to the letter, so that a grammar can hold a model to them."""

    @property
    def trigger(self) -> str:
        """What calls begin with, and nothing else does. Empty: the answer begins with one, or has none."""
        ...

    @property
    def is_repeated(self) -> bool:
        """Whether text, and another trigger, may follow what is triggered."""
        ...

    def rules(self, functions: Sequence[Function], literal: Literal, *, parallel: bool) -> str:
        """Rules of a grammar of kind lark: `calls`, trigger included, and `triggered`, what follows a trigger.

        `parallel`: both may hold several calls, where there is a notation for it. Raises `ValueError`.
        """
        ...

    @property
    def reads_on_the_way(self) -> bool:
        """Whether there is a `reader`; else calls are read when they are complete."""
        ...

    def reader(self) -> NotationReader:
        """A new one, for one stretch of calls; it is given the markers too."""
        ...


class ToolFormat(Protocol):
    """One model's way of calling tools."""

    @property
    def notation(self) -> Notation | None:
        """None: nobody has written it down for grammars."""
        ...

    def parse(self, text: str, tools: Sequence[ToolDocument]) -> Sequence[ToolCall]:
        """The calls in the text between two markers. Raises any exception for a text that is none."""
        ...
