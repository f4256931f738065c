"""A stage's logprobs with the tokens' names."""

from __future__ import annotations

from collections.abc import Sequence

from exo_core.requests import ChunkLogprobs, TokenLogprob
from exo_engine.text import Tokenizer


def named(tokenizer: Tokenizer, token_id: int, logprob: float, top: Sequence[tuple[int, float]]) -> ChunkLogprobs:
    """Of the token that is there, and of the most likely ones in falling order."""
    return ChunkLogprobs(
        drawn=_named(tokenizer, token_id, logprob), top=tuple(_named(tokenizer, *likely) for likely in top)
    )


def _named(tokenizer: Tokenizer, token_id: int, logprob: float) -> TokenLogprob:
    return TokenLogprob(token_id=token_id, token=tokenizer.token_text(token_id), logprob=logprob)
