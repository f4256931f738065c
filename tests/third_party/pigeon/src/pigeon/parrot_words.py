"""A parrot's tokens are bytes, so that a character may be split over several tokens, as real tokenizers do."""

from __future__ import annotations

import codecs
from collections.abc import Collection, Sequence
from typing import final

from exo_core.errors import RequestRefused
from exo_core.requests import ChatPrompt
from exo_engine.answers.markup import NO_MARKUP

END = 0
"""The byte that ends an answer."""


@final
class ParrotDetokenizer:
    """See `exo_engine.text.Detokenizer`."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def add(self, token_id: int) -> str:
        """The character that this byte completes."""
        return self._decoder.decode(bytes([token_id] if token_id != END else []))

    def finish(self) -> str:
        """U+FFFD if the last character is incomplete."""
        return self._decoder.decode(b"", final=True)


@final
class ParrotTokenizer:
    """See `exo_engine.text.Tokenizer`."""

    eos_token_ids = frozenset({END})
    vocabulary_size = 256
    markup = NO_MARKUP

    def encode(self, text: str) -> list[int]:
        """The text's UTF-8."""
        return list(text.encode())

    def encode_chat(self, prompt: ChatPrompt) -> list[int]:
        """A parrot hears only what was said last."""
        content = prompt.messages[-1].get("content") if prompt.messages else None
        if not isinstance(content, str):
            raise RequestRefused(400, "invalid_prompt", "a parrot understands plain text only")
        return self.encode(content)

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of all bytes but the end."""
        return bytes(token_id for token_id in token_ids if token_id != END).decode(errors="replace")

    def token_text(self, token_id: int) -> str:
        """One byte, for people."""
        return "<end>" if token_id == END else self.decode([token_id])

    def as_json(self) -> None:
        """The `tokenizers` library knows nothing of parrots."""

    def detokenizer(self, shown: Collection[int] = ()) -> ParrotDetokenizer:
        """A new one; the end is the only special token."""
        del shown
        return ParrotDetokenizer()
