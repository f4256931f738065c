"""What was measured, for programs: the file that `exo bench --json` writes.

Fields are only ever added; `format` changes when one changes its meaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from exo_bench.percentiles import percentile
from exo_core.frozen import Count, Frozen

FORMAT = "exo-bench/1"


class Spread(Frozen):
    """Milliseconds. Percentiles by nearest rank."""

    p50: float
    p99: float
    maximum: float

    @classmethod
    def of_seconds(cls, values: Sequence[float]) -> Spread:
        """Of a number of times; zeros of none."""
        p50, p99, maximum = (1000 * percentile(values, percent) for percent in (50, 99, 100))
        return cls(p50=p50, p99=p99, maximum=maximum)


class PrefillFigure(Frozen):
    """Prompts of one length, one after the other. Tokens that a cache had count for nothing."""

    prompt_tokens: Count
    """As asked for."""
    prompts: tuple[Count, ...]
    """Tokens of each prompt, as the server counted them."""
    cached: tuple[Count, ...]
    """Of each prompt, not computed."""
    first_token_s: tuple[float, ...]
    """From each request to its first token."""
    tokens_per_s: float
    """The median of (prompt - cached) / time to first token."""


class LoadFigure(Frozen):
    """`concurrency` answers at once, asked for at one moment."""

    concurrency: Count
    prompt_tokens: Count
    """Of all prompts together."""
    cached_tokens: Count
    completion_tokens: Count
    """Of all answers together."""
    seconds: float
    """From the requests to the last token of all."""
    total_tokens_per_s: float
    """Answered tokens of all streams, over `seconds`."""
    decode_tokens_per_s: float | None
    """The same while every stream was answering; null when there was no such time."""
    stream_tokens_per_s: float
    """Of the median stream, from its first token on."""
    first_token_ms: Spread
    """From the request to the first token, over streams."""
    gap_ms: Spread
    """Between tokens of one stream, over all streams."""


class Report(Frozen):
    """One run of `exo bench`."""

    format: Literal["exo-bench/1"] = FORMAT
    exo_version: str
    started: str
    """ISO 8601, UTC."""
    url: str
    model: str
    instances: Count | None
    """Placed ones of this model when it began; null when the server does not tell."""
    stages: tuple[Count, ...] = ()
    """Of each of them."""
    context: Count | None
    """The longest the model takes; null when the server does not tell."""
    tokens: Count
    """The length of each answer under load."""
    seed: int
    complete: bool = False
    """False: it was interrupted, or failed; `problem` says which."""
    problem: str | None = None
    skipped: tuple[str, ...] = Field(default=())
    """What was left out and why, a sentence each."""
    prefill: tuple[PrefillFigure, ...] = ()
    load: tuple[LoadFigure, ...] = ()
