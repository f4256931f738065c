"""From timed answers to figures."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import chain, pairwise

from exo_bench.chat_server import TimedAnswer
from exo_bench.report import LoadFigure, PrefillFigure, Spread


def prefill_figure(prompt_tokens: int, answers: Sequence[TimedAnswer]) -> PrefillFigure:
    """Of answers to prompts of one length. At least one."""
    speeds = [(answer.prompt_tokens - answer.cached_tokens) / answer.first_token_s for answer in answers]
    return PrefillFigure(
        prompt_tokens=prompt_tokens,
        prompts=tuple(answer.prompt_tokens for answer in answers),
        cached=tuple(answer.cached_tokens for answer in answers),
        first_token_s=tuple(answer.first_token_s for answer in answers),
        tokens_per_s=statistics.median(speeds),
    )


def load_figure(answers: Sequence[TimedAnswer]) -> LoadFigure:
    """Of answers that were asked for together. At least one."""
    seconds = max(answer.arrivals[-1] for answer in answers) - min(answer.asked for answer in answers)
    tokens = sum(answer.completion_tokens for answer in answers)
    return LoadFigure(
        concurrency=len(answers),
        prompt_tokens=sum(answer.prompt_tokens for answer in answers),
        cached_tokens=sum(answer.cached_tokens for answer in answers),
        completion_tokens=tokens,
        seconds=seconds,
        total_tokens_per_s=tokens / seconds,
        decode_tokens_per_s=steady_tokens_per_s(answers),
        stream_tokens_per_s=statistics.median(answer.decode_tokens_per_s for answer in answers),
        first_token_ms=Spread.of_seconds([answer.first_token_s for answer in answers]),
        gap_ms=Spread.of_seconds(list(chain.from_iterable(map(gaps_s, answers)))),
    )


def gaps_s(answer: TimedAnswer) -> list[float]:
    """Seconds between the tokens of one answer."""
    return [later - earlier for earlier, later in pairwise(answer.arrivals)]


def steady_tokens_per_s(answers: Sequence[TimedAnswer]) -> float | None:
    """All streams' tokens while every stream was answering: neither prompts nor a last straggler count.

    A piece of text may carry several tokens; each counts as its stream's average.
    """
    begin = max(answer.arrivals[0] for answer in answers)
    end = min(answer.arrivals[-1] for answer in answers)
    if end <= begin:
        return None
    return sum(_tokens_between(answer, begin, end) for answer in answers) / (end - begin)


def _tokens_between(answer: TimedAnswer, begin: float, end: float) -> float:
    pieces = sum(begin < arrival <= end for arrival in answer.arrivals)
    return pieces * answer.completion_tokens / len(answer.arrivals)
