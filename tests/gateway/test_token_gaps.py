"""Gaps between tokens are those within a choice."""

from __future__ import annotations

import pytest

from exo_core.gateway.token_gaps import TokenGaps
from exo_core.observations import GAP_BOUNDS_S


def test_gaps_are_counted_by_choice() -> None:
    gaps = TokenGaps()
    for choice, now in ((0, 0.0), (1, 0.004), (0, 0.05), (1, 0.054), (0, 100.0)):
        gaps.token(choice, now)
    expected = [0] * (len(GAP_BOUNDS_S) + 1)
    expected[GAP_BOUNDS_S.index(0.05)] = 2
    expected[-1] = 1
    assert gaps.counts == expected
    assert gaps.seconds == pytest.approx(0.05 + 0.05 + 99.95)
