"""What differs between the text APIs: how one choice looks, in pieces and whole."""

from __future__ import annotations

from typing import Protocol

from exo_api_openai.choice_so_far import ChoiceSoFar
from exo_api_openai.deltas import Delta
from exo_core.frozen import JsonValue


class ChoiceFormat(Protocol):
    """Chat completions and completions each have one. All of it is pure."""

    def opening(self, index: int) -> dict[str, JsonValue] | None:
        """The first chunk of a choice, if anything is said before its first token."""
        ...

    def delta(self, delta: Delta) -> dict[str, JsonValue]:
        """Text, and why it ends if it does."""
        ...

    def whole(self, index: int, choice: ChoiceSoFar) -> dict[str, JsonValue]:
        """A choice that ended."""
        ...
