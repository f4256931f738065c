"""Durations as people type them."""

from __future__ import annotations

import pytest

from exo_core.cli.durations import seconds_of


@pytest.mark.parametrize(
    ("word", "seconds"),
    [("90s", 90), ("90", 90), ("10m", 600), ("1.5h", 5400), ("2h", 7200), ("1d", 86400), (" 10 m ", 600)],
)
def test_a_duration(word: str, seconds: int) -> None:
    assert seconds_of(word) == seconds


@pytest.mark.parametrize("word", ["", "m", "0", "0.1s", "-5", "10 minutes", "1e9", "367d", "1h30m", "nan", "٣s"])
def test_what_is_none(word: str) -> None:
    assert seconds_of(word) is None
