"""A tokenizer whose tokens are bytes, so that characters are split over tokens as real ones are."""

from __future__ import annotations

import codecs
import json
from collections.abc import Collection, Iterator, Sequence
from itertools import count
from typing import final

from exo_core.requests import ChatPrompt
from exo_engine.answers.markup import NO_MARKUP, Markup

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
    """256 bytes and an end-of-sequence token, for a model with any markup."""

    def __init__(self, markup: Markup = NO_MARKUP) -> None:
        self.markup = markup

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

    def as_json(self) -> str:
        """Byte-level BPE without merges."""
        added = {"id": EOS, "content": "<eos>", "single_word": False, "lstrip": False, "rstrip": False}
        byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
        letters = {letter: byte for byte, letter in enumerate(_letters())}
        return json.dumps(
            {
                "version": "1.0",
                "added_tokens": [{**added, "normalized": False, "special": True}],
                "pre_tokenizer": byte_level,
                "decoder": byte_level,
                "model": {"type": "BPE", "vocab": letters, "merges": []},
            }
        )

    def detokenizer(self, shown: Collection[int] = ()) -> ByteDetokenizer:
        """A new one. The only special token is the end."""
        del shown
        return ByteDetokenizer()


def _letters() -> Iterator[str]:
    """How byte-level BPE writes each byte: as itself where it is a visible character, else as the next from 256 on."""
    others = count(256)
    for byte in range(256):
        is_visible = 33 <= byte <= 126 or 161 <= byte <= 172 or byte >= 174
        yield chr(byte if is_visible else next(others))
