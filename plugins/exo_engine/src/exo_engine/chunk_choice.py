"""How many tokens of prompts one step computes, when placement leaves that to what was measured. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from exo_engine.steps import StageReport

LONGEST_CHUNK_S = 0.25
"""A running stream waits about so long for a chunk of somebody else's prompt."""
UNMEASURED = 512
LONGEST_TOGETHER_S = 2.0
"""What prompts that come together take at most in one step, while nobody waits for a next token."""
MOST_TOGETHER = 512
"""Tokens; more are hardly faster together, and take memory that no warm-up measured."""


def choose_chunk(reports: Sequence[StageReport]) -> int:
    """The largest measured power of two that the slowest stage computes in a quarter of a second.

    If even the smallest takes longer it is that one; 512 where a stage has measured nothing.
    """
    tables = [dict(report.chunk_seconds) for report in reports]
    common = sorted(set[int].intersection(*(set(table) for table in tables))) if tables else []
    sizes = [size for size in common if size > 0 and size & (size - 1) == 0]
    if not sizes:
        return UNMEASURED
    quick = [size for size in sizes if all(table[size] <= LONGEST_CHUNK_S for table in tables)]
    return max(quick, default=sizes[0])


def choose_together(reports: Sequence[StageReport], chunk: int) -> int:
    """How many tokens one step computes of several prompts while nobody waits for a next token: at least a chunk.

    On one stage, whose weights are then read once for all of them. On several, prompts stream through the stages chunk
    behind chunk, and where nothing was measured somebody has chosen the chunk: it stays.
    """
    seconds = dict(reports[0].chunk_seconds).get(chunk) if len(reports) == 1 else None
    return max(chunk, min(MOST_TOGETHER, int(chunk * LONGEST_TOGETHER_S / seconds))) if seconds else chunk
