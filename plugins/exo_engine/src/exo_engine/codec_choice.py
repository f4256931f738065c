"""Which codec a link gets. Pure.

Prompts are what fills a link: a stage computes many tokens of a prompt in the time of one that is drawn, and sends a
row for each. Sending goes on beside computing (`sending.py`), so a link holds nobody up that carries a row in the time
the slower of its two stages computes a token of a prompt. Then hidden states travel as they are. Else the most faithful
codec is taken with which that is so, and if there is none, the smallest. A row of one drawn token then takes less than
that too, and a stage needs some ten times as long to compute it alone.

A quarter of a second of computing is at most a chunk, so what a thin link saves is counted in seconds for long prompts:
512 tokens of 4,096 values in bfloat16 are 4 MiB, four seconds at 1 MB/s, two in int8.
"""

from __future__ import annotations

from typing import Final

from exo_engine.codecs import CodecName, row_bytes, smaller_codecs
from exo_engine.steps import StageReport

FAST_BYTES_PER_S: Final = 100e6
"""Gigabit Ethernet and whatever is faster: never worth rounding for."""
SHARE: Final = 0.8
"""Of the time in which a stage computes a token; the rest of a link is left to others, and to what a measure is off."""
UNMEASURED_S: Final = 0.0005
"""For a token of a prompt, where a stage has measured nothing: some 7 billion parameters on a laptop's GPU."""


def choose_codec(dtype: str, hidden_size: int, *, bytes_per_s: float, token_seconds: float) -> CodecName:
    """For rows of that type and size, over a link that was measured, between stages that compute a token in so long."""
    smaller = smaller_codecs(dtype, hidden_size)
    if not smaller or bytes_per_s >= FAST_BYTES_PER_S:
        return "exact"
    for codec in ("exact", *smaller):
        if row_bytes(codec, dtype, hidden_size) <= SHARE * token_seconds * bytes_per_s:
            return codec
    return min(smaller, key=lambda codec: row_bytes(codec, dtype, hidden_size))


def token_seconds(report: StageReport) -> float:
    """How long a stage computes a token at its quickest."""
    table = report.chunk_seconds or report.decode_seconds
    return min((seconds / size for size, seconds in table if size), default=UNMEASURED_S)
