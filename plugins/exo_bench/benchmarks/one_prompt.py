"""One run of a single stream: a prompt of about so many tokens, an answer, and what is kept of it."""

from __future__ import annotations

import random
from dataclasses import dataclass

from exo_bench.chat_server import ChatServer
from exo_bench.prompts import chat_request, random_words

PREFILL, DECODE = "prefill tokens/s", "decode tokens/s"


@dataclass(frozen=True)
class PromptRun:
    """A side of an alternation. In the models of syllables a word is a token."""

    server: ChatServer
    model: str
    words: int
    tokens: int

    def __call__(self, number: int) -> dict[str, float]:
        """Ask. Tokens that a cache had count for nothing; `DECODE` only where there is more than one token."""
        text = random_words(random.Random(number), self.words)
        answer = self.server.ask(chat_request(self.model, text, self.tokens))
        prefill = {PREFILL: (answer.prompt_tokens - answer.cached_tokens) / answer.first_token_s}
        return prefill | ({DECODE: answer.decode_tokens_per_s} if self.tokens > 1 else {})
