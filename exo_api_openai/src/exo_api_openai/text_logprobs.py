"""Log probabilities in the shape of completions: four lists, an entry per token in each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

from exo_api_openai.logprobs import LOWEST
from exo_core.frozen import JsonValue
from exo_core.requests import ChunkLogprobs, TokenLogprob


@final
@dataclass(kw_only=True)
class TextLogprobs:
    """OpenAI's `logprobs` of a text. The first token of a prompt follows nothing and has none: null."""

    tokens: list[JsonValue] = field(default_factory=list[JsonValue])
    token_logprobs: list[JsonValue] = field(default_factory=list[JsonValue])
    top_logprobs: list[JsonValue] = field(default_factory=list[JsonValue])
    text_offset: list[JsonValue] = field(default_factory=list[JsonValue])

    def add(self, item: ChunkLogprobs, offset: int) -> None:
        """One token whose text begins at character `offset`."""
        self.tokens.append(item.drawn.token)
        self.token_logprobs.append(_finite(item.drawn))
        # A token's text names it here, as OpenAI has it; of two tokens with one text the likelier one stays.
        self.top_logprobs.append({top.token: _finite(top) for top in reversed(item.top)})
        self.text_offset.append(offset)

    def add_first(self, token: str) -> None:
        """The first token of a prompt."""
        self.tokens.append(token)
        self.token_logprobs.append(None)
        self.top_logprobs.append(None)
        self.text_offset.append(0)

    def document(self) -> dict[str, JsonValue]:
        """The four lists."""
        return {
            "tokens": self.tokens,
            "token_logprobs": self.token_logprobs,
            "top_logprobs": self.top_logprobs,
            "text_offset": self.text_offset,
        }


def of_answer(items: Sequence[ChunkLogprobs], offsets: Sequence[int], after: int) -> TextLogprobs:
    """Of generated tokens; `after` characters of the prompt come before them."""
    found = TextLogprobs()
    for item, offset in zip(items, offsets, strict=True):
        found.add(item, after + offset)
    return found


def of_prompt(text: str, first: str, items: Sequence[ChunkLogprobs]) -> TextLogprobs:
    """Of a prompt's tokens, of which `items` has all but the `first`."""
    found, position = TextLogprobs(), 0
    found.add_first(first)
    position = _after(text, first, position)
    for item in items:
        found.add(item, position)
        position = _after(text, item.drawn.token, position)
    return found


def _after(text: str, token: str, position: int) -> int:
    """A special token, and a part of a character, have a name that does not stand in the text."""
    return position + len(token) if text.startswith(token, position) else position


def _finite(token: TokenLogprob) -> float:
    return token.logprob if math.isfinite(token.logprob) else LOWEST
