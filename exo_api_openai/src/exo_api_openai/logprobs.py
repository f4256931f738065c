"""Log probabilities in the shape of chat completions."""

from __future__ import annotations

import math
from collections.abc import Iterable

from exo_core.frozen import JsonValue
from exo_core.requests import ChunkLogprobs, TokenLogprob

LOWEST = -9999.0
"""What OpenAI writes for a probability of zero; JSON has no infinity."""


def logprobs_document(items: Iterable[ChunkLogprobs]) -> dict[str, JsonValue]:
    """One entry per token."""
    return {"content": [_entry(item) for item in items], "refusal": None}


def _entry(item: ChunkLogprobs) -> JsonValue:
    return {**_token(item.drawn), "top_logprobs": [_token(token) for token in item.top]}


def _token(token: TokenLogprob) -> dict[str, JsonValue]:
    is_whole = "\ufffd" not in token.token  # a token may be part of a character, and then has no text of its own
    return {
        "token": token.token,
        "logprob": token.logprob if math.isfinite(token.logprob) else LOWEST,
        "bytes": list(token.token.encode()) if is_whole else None,
    }
