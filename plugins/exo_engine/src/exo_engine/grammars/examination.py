"""What the process that tries grammars out is told, and what it says: a line of JSON each."""

from __future__ import annotations

from exo_core.frozen import Count, Frozen
from exo_engine.grammars.watched_process import Limits
from exo_engine.text import Tokenizer

MOST_BYTES = 512 * 1024 * 1024
LIMITS = Limits(computed_s=2.0, waited_s=20.0, held_bytes=MOST_BYTES)
"""Of compiling one grammar. On a machine that does little else it computes all the time."""


class TokenizerDescription(Frozen):
    """What grammars are compiled for: the tokenizer as the `tokenizers` library writes it, its size, and its ends."""

    tokenizer: str
    vocabulary: Count
    ends: tuple[Count, ...]


class Verdict(Frozen):
    """What came of a grammar, or of the tokenizer: why it cannot be used; None: it can."""

    reason: str | None = None


def described(tokenizer: Tokenizer) -> TokenizerDescription | None:
    """None: it has no such form."""
    text = tokenizer.as_json()
    if text is None:
        return None
    ends = tuple(sorted(tokenizer.eos_token_ids))
    return TokenizerDescription(tokenizer=text, vocabulary=tokenizer.vocabulary_size, ends=ends)
