"""Sides run in turn, and whoever is interrupted has been told how far it is."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "plugins" / "exo_bench" / "benchmarks"


def test_the_verdict_is_asked_for_after_every_alternation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [str(BENCHMARKS), *sys.path])
    from alternation import Runs, alternate

    order, judged = list[str](), list[dict[str, list[float]]]()

    def run(name: str, number: int) -> dict[str, float]:
        order.append(name)
        return {"speed": float(number)}

    def judge(runs: Mapping[str, Runs]) -> None:
        judged.append({name: list(figures["speed"]) for name, figures in runs.items()})

    found = alternate({name: lambda number, name=name: run(name, number) for name in "ab"}, 3, judge)
    assert "".join(order) == "baabbaab", "the first turn warms up"
    assert [each["a"] for each in judged] == [[1], [1, 2], [1, 2, 3]]
    assert judged[-1] == {name: figures["speed"] for name, figures in found.items()}
