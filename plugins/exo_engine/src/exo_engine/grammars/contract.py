"""What the head needs of grammars; whoever knows how to compile them gives it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from exo_core.errors import ExoError
from exo_core.requests import Grammar


class GrammarBroken(ExoError):
    """A choice cannot be held to its grammar any further: nothing fits, or it takes more computing than a step may."""


class NobodyWaits(ExoError):
    """Compiling a grammar was ended, since nobody wanted it any more."""


class Matcher(Protocol):
    """Where one choice stands in its grammar, a pure function of its tokens. Used by one thread.

    What comes next follows from the last token: a sequence with a matcher can never be a step ahead of it.
    """

    def allowed(self) -> bytes:
        """Which tokens may come next, as `Row.allowed` has it; those that end an answer only where it may end.

        Called while it is not complete. Raises `GrammarBroken`.
        """
        ...

    def advance(self, token_id: int) -> None:
        """Take a token that was allowed, and does not end the answer. Raises `GrammarBroken`."""
        ...

    @property
    def is_complete(self) -> bool:
        """Whether nothing but the end may follow."""
        ...


class CompiledGrammar(Protocol):
    """A grammar for one model. Used by one thread once it was compiled."""

    def matcher(self) -> Matcher:
        """A new one, for one choice."""
        ...


class GrammarCompiler(Protocol):
    """Grammars for one model. Used by a thread of its own."""

    def compile(self, grammar: Grammar, is_waited_for: Callable[[], bool]) -> CompiledGrammar:
        """Take a few seconds at most.

        Raises `RequestRefused`, 400 where asking again changes nothing; `NobodyWaits` soon after `is_waited_for`, which
        is asked meanwhile, says no.
        """
        ...

    def close(self) -> None:
        """Nothing more is compiled; what was stays good."""
        ...
