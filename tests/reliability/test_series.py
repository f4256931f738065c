"""A series that grows is told from one that levels off."""

from __future__ import annotations

import pytest

from exo_core.testing.reliability.series import Series, slope


def measured(*values: float) -> Series:
    series = Series(name="memory", unit="MB", most_per_minute=1.0)
    for at, value in enumerate(values):
        series.add(10.0 * at, value)
    return series


def test_the_slope_of_a_line() -> None:
    assert slope([0, 1, 2, 3], [5, 7, 9, 11]) == pytest.approx(2.0)
    assert slope([1], [5]) == 0.0


def test_growth_at_the_beginning_is_warming_up_and_later_it_is_a_leak() -> None:
    series = measured(10, 60, 100, 101, 100, 101, 100)
    series.check(after=20)
    with pytest.raises(AssertionError, match="memory"):
        series.check(after=0)
    with pytest.raises(AssertionError, match=r"\+6\.00 MB a minute"):
        measured(10, 11, 12, 13).check(after=0)
