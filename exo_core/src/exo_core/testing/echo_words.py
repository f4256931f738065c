"""The echo backend's tokens: words, or pieces of at most 7 bytes of longer ones. An id is the piece itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

LONGEST_PIECE = 7
"""Bytes, so that an id with its leading 1 stays below 2**63."""

_WORD = re.compile(r"\s?\S+|\s")


def token_ids_of(text: str) -> tuple[int, ...]:
    """The ids of a text; a word has its leading space."""
    return tuple(_id(piece) for word in _WORD.findall(text) for piece in _pieces(word))


def text_of_token(token_id: int) -> str:
    """The text of an id; of one that no text has, U+FFFD."""
    packed = token_id.to_bytes(8, "big").lstrip(b"\0")
    return packed[1:].decode(errors="replace") if packed[:1] == b"\1" else "\ufffd"


def text_of_tokens(token_ids: Sequence[int]) -> str:
    """The text of many ids."""
    return "".join(text_of_token(token_id) for token_id in token_ids)


def _id(piece: str) -> int:
    return int.from_bytes(b"\1" + piece.encode(), "big")


def _pieces(word: str) -> Iterator[str]:
    piece = ""
    for character in word:
        if len((piece + character).encode()) > LONGEST_PIECE:
            yield piece
            piece = ""
        piece += character
    yield piece
