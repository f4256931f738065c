"""One run of many streams at once, and what is kept of it."""

from __future__ import annotations

import random
from dataclasses import dataclass

from exo_bench.chat_server import ChatServer
from exo_bench.figures import load_figure
from exo_bench.prompts import chat_request, random_words
from exo_bench.streams import ask_together

TOTAL, DECODE = "total tokens/s", "decode tokens/s"


@dataclass(frozen=True)
class LoadRun:
    """A side of an alternation: both sides get the same prompts, and no prompt comes twice."""

    server: ChatServer
    model: str
    streams: int
    tokens: int
    words: int = 24

    def __call__(self, number: int) -> dict[str, float]:
        """Ask all at once. `DECODE` is what they got while all were answering; 0 if they never were."""
        drawing = random.Random(number)
        texts = [random_words(drawing, self.words) for _ in range(self.streams)]
        figure = load_figure(ask_together(self.server, [chat_request(self.model, text, self.tokens) for text in texts]))
        return {
            TOTAL: figure.total_tokens_per_s,
            DECODE: figure.decode_tokens_per_s or 0.0,
            "last first token ms": figure.first_token_ms.maximum,
            "gap p99 ms": figure.gap_ms.p99,
        }
