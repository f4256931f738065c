"""A tokenizer whose tokens are bytes, so that characters are split over tokens as real ones are."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import final

from exo_core.requests import ChatPrompt

EOS = 256


@final
class ByteDetokenizer:
    """UTF-8, incrementally."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def add(self, token_id: int) -> str:
        """The characters completed by this byte."""
        return "" if token_id == EOS else self._decoder.decode(bytes([token_id]))

    def finish(self) -> str:
        """U+FFFD if a character is incomplete."""
        return self._decoder.decode(b"", final=True)


@final
class ByteTokenizer:
    """256 bytes and an end-of-sequence token."""

    @property
    def eos_token_ids(self) -> frozenset[int]:
        """The one end token."""
        return frozenset({EOS})

    @property
    def vocabulary_size(self) -> int:
        """Bytes and the end token."""
        return EOS + 1

    def encode(self, text: str) -> list[int]:
        """The text's UTF-8."""
        return list(text.encode())

    def encode_chat(self, prompt: ChatPrompt) -> list[int]:
        """One line per message."""
        return self.encode("".join(f"{message.get('role')}: {message.get('content')}\n" for message in prompt.messages))

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of the bytes."""
        return bytes(token_id for token_id in token_ids if token_id != EOS).decode(errors="replace")

    def token_text(self, token_id: int) -> str:
        """A byte, or the end token's name."""
        return "<eos>" if token_id == EOS else self.decode([token_id])

    def detokenizer(self) -> ByteDetokenizer:
        """A new one."""
        return ByteDetokenizer()
