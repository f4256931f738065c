"""How many tokens of prompts one step computes, when placement leaves that to what was measured. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exo_engine.steps import StageReport

LONGEST_CHUNK_S = 0.3
"""A running stream waits about a quarter of a second for a chunk of somebody else's prompt.

A little more is one too: a machine that needs just that, and is measured at 0.25 or at 0.27, decides alike every time.
"""
UNMEASURED = 512
LONGEST_CROWDED_S = 0.5
"""About as long for several prompts, while more wait for a first token than for a next one."""
LONGEST_IDLE_S = 2.0
"""What several prompts take at most on all stages, while nobody waits for a next token."""
SHORTEST = 8
"""Tokens of a chunk far into a long prompt, where it takes longer than at its beginning; fewer are hardly faster."""
MOST_TOGETHER = 512
"""Tokens of several prompts; more are hardly faster together, and take memory that no warm-up measured."""


@dataclass(frozen=True)
class ChunkSizes:
    """How many tokens of prompts one step computes.

    Large steps waste less: the weights are read, and rearranged, once for all of their tokens.
    """

    usual: int
    """While a stream waits for its next token; and of one prompt at most."""
    crowded: int
    """While more wait for a first token than for a next one."""
    idle: int
    """While nobody waits for a next token."""
    is_measured: bool = True
    """Whether it follows from what steps take."""

    @classmethod
    def fixed(cls, tokens: int) -> ChunkSizes:
        """Somebody has chosen; 0 until something is."""
        return cls(tokens, tokens, tokens, is_measured=False)

    def of_one(self, seconds_per_token: float | None) -> int:
        """Of one prompt while a stream waits, if its last chunk took so long for each token.

        A usual one, or that halved until it takes no longer than a stream may wait: few sizes, so that kernels are
        compiled for few.
        """
        tokens = self.usual
        while (
            self.is_measured
            and seconds_per_token
            and tokens > SHORTEST
            and tokens * seconds_per_token > LONGEST_CHUNK_S
        ):
            tokens //= 2
        return tokens


def choose_chunk(reports: Sequence[StageReport]) -> int:
    """The largest measured power of two that the slowest stage computes in `LONGEST_CHUNK_S`.

    If even the smallest takes longer it is that one; 512 where a stage has measured nothing.
    """
    tables = [dict(report.chunk_seconds) for report in reports]
    common = sorted(set[int].intersection(*(set(table) for table in tables))) if tables else []
    sizes = [size for size in common if size > 0 and size & (size - 1) == 0]
    if not sizes:
        return UNMEASURED
    quick = [size for size in sizes if all(table[size] <= LONGEST_CHUNK_S for table in tables)]
    return max(quick, default=sizes[0])


def choose_chunk_sizes(reports: Sequence[StageReport]) -> ChunkSizes:
    """All sizes, from the time that the usual one takes; where a stage has measured nothing they are the same."""
    usual = choose_chunk(reports)
    seconds = [dict(report.chunk_seconds).get(usual) for report in reports]
    known = [each for each in seconds if each]
    if not known or len(known) < len(seconds):
        return ChunkSizes.fixed(usual)

    def in_time(longest: float, one: float) -> int:
        return max(usual, min(MOST_TOGETHER, int(usual * longest / one)))

    return ChunkSizes(usual, in_time(LONGEST_CROWDED_S, max(known)), in_time(LONGEST_IDLE_S, sum(known)))
