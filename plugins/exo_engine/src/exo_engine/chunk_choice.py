"""How many tokens of prompts one step computes, when placement leaves that to what was measured. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from exo_engine.steps import StageReport

LONGEST_CHUNK_S = 0.25
"""A running stream waits about so long for a chunk of somebody else's prompt."""
UNMEASURED = 512


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
