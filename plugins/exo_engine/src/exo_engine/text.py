"""What the head needs of a tokenizer; a backend gives it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from exo_core.requests import ChatPrompt
from exo_engine.answers.markup import Markup


class Detokenizer(Protocol):
    """Turns token ids into text as they come. Its text is a pure function of the ids it was given."""

    def add(self, token_id: int) -> str:
        """The text that became certain with this token (empty while a character is incomplete)."""
        ...

    def finish(self) -> str:
        """What remains at the end (an incomplete character becomes U+FFFD)."""
        ...


class Tokenizer(Protocol):
    """Text to token ids and back, for one model."""

    @property
    def eos_token_ids(self) -> frozenset[int]:
        """Tokens that end an answer."""
        ...

    @property
    def vocabulary_size(self) -> int:
        """Ids are below this."""
        ...

    @property
    def markup(self) -> Markup:
        """How the model marks its thoughts and its calls of tools; `NO_MARKUP` if it does neither."""
        ...

    def encode(self, text: str) -> list[int]:
        """The ids of plain text, with the model's beginning-of-text token where it has one."""
        ...

    def encode_chat(self, prompt: ChatPrompt) -> list[int]:
        """The ids of a conversation under the chat template. Raises `RequestRefused` (400) if that refuses."""
        ...

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of ids, special tokens left out."""
        ...

    def token_text(self, token_id: int) -> str:
        """One token for people, special ones by name."""
        ...

    def as_json(self) -> str | None:
        """The whole tokenizer as the `tokenizers` library writes it; None if that library cannot hold it.

        What grammars are compiled for. Takes a while with a large vocabulary; callable from any thread.
        """
        ...

    def detokenizer(self, shown: Collection[int] = ()) -> Detokenizer:
        """A new one, for one choice. Of special tokens those `shown` are text, except for those that end an answer."""
        ...
