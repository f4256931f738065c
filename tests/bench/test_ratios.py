"""The median ratio, its interval, and the verdict."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exo_bench.percentiles import percentile
from exo_bench.ratios import Interval, difference, is_met, ratio, spread

RUNS = st.lists(st.floats(0.1, 1000), min_size=1, max_size=12)


def test_runs_are_paired_before_the_median_is_taken() -> None:
    assert ratio([10, 30, 80], [10, 10, 40]).median == 2
    assert difference([10, 30, 80], [10, 10, 40]).median == 20


def test_equal_ratios_leave_no_doubt() -> None:
    assert ratio([2, 4, 6, 8], [1, 2, 3, 4]) == Interval(2, 2, 2)


def test_runs_that_do_not_pair_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        ratio([1, 2], [1])
    with pytest.raises(ValueError, match="no runs"):
        spread([])


@given(RUNS)
def test_the_interval_lies_within_the_runs_and_around_their_median(runs: list[float]) -> None:
    measured = spread(runs)
    assert min(runs) <= measured.low <= measured.median <= measured.high <= max(runs)


def test_the_interval_holds_the_true_median_about_95_times_in_100() -> None:
    """Of 200 samples of a normal distribution with median 1: the bootstrap of small samples is a little too sure."""
    drawing = random.Random(1)
    samples = [[drawing.gauss(1, 0.1) for _ in range(9)] for _ in range(200)]
    held = sum(measured.low <= 1 <= measured.high for measured in map(spread, samples))
    assert 176 <= held <= 199


def test_the_same_runs_give_the_same_interval() -> None:
    runs = [1.0, 1.1, 0.9, 1.3, 1.05]
    assert spread(runs) == spread(runs)


def test_a_figure_is_met_when_the_interval_reaches_it() -> None:
    measured = Interval(0.95, 0.9, 1.0)
    assert is_met(measured, 1.0, "at least")
    assert not is_met(measured, 1.01, "at least")
    assert is_met(measured, 0.9, "at most")
    assert not is_met(measured, 0.89, "at most")


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (50, 5), (51, 6), (99, 10), (100, 10)])
def test_percentiles_are_values_that_were_measured(percent: float, value: int) -> None:
    assert percentile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], percent) == value


def test_a_percentile_of_nothing_is_nothing() -> None:
    assert percentile([], 50) == 0
