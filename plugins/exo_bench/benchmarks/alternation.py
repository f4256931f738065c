"""Sides that run in turn: every run printed, then the ratio with its interval, beside the figure to reach."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from exo_bench.ratios import Interval, is_met, spread

Figures = Mapping[str, float]
"""What one run gave: name with unit to value."""

Run = Callable[[int], Figures]
"""Runs one side once, with the prompts of this alternation."""

Runs = dict[str, list[float]]
"""Every counted run of one side, by figure."""

Judge = Callable[[Mapping[str, Runs]], None]
"""Prints what follows from the runs of all sides, by their names: as many of each as there were alternations."""


def _say_nothing(_: Mapping[str, Runs]) -> None: ...


def options(description: str | None, *, tokens: int, alternations: int = 5) -> argparse.ArgumentParser:
    """What every script can be told."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alternations", type=int, default=alternations, help="counted; one more warms up")
    parser.add_argument("--tokens", type=int, default=tokens, help="of each answer")
    parser.add_argument("--threads", type=int, default=1, help="of the BLAS, on both sides")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()) / "exo-benchmark-models",
        help="where random models are kept",
    )
    return parser


def alternate(sides: Mapping[str, Run], alternations: int, judge: Judge = _say_nothing) -> dict[str, Runs]:
    """Run all sides in turn, and the other way round every second time; the first turn only warms up.

    `judge` is asked after every alternation, so that one who is interrupted has said something.
    """
    found: dict[str, Runs] = {name: {} for name in sides}
    names, width = list(sides), max(map(len, sides))
    for number in range(alternations + 1):
        for name in names if number % 2 else names[::-1]:
            figures = sides[name](number)
            shown = " · ".join(f"{figure} {value:.4g}" for figure, value in figures.items())
            print(f"{'warm-up' if number == 0 else f'run {number:3}'}  {name:{width}}  {shown}", flush=True)
            for figure, value in figures.items() if number else ():
                found[name].setdefault(figure, []).append(value)
        if 0 < number < alternations and judge is not _say_nothing:
            print(f"after {number} of {alternations} alternations:", flush=True)
            judge(found)
    for name, runs in found.items():
        medians = " · ".join(f"{figure} {spread(values)}" for figure, values in runs.items())
        print(f"median   {name:{width}}  {medians}", flush=True)
    judge(found)
    return found


def verdict(
    what: str, measured: Interval, figure: float, kind: Literal["at least", "at most"] = "at least", unit: str = ""
) -> None:
    """One line: the median, its 95 % interval, the figure asked, and whether the interval reaches it."""
    said = "met" if is_met(measured, figure, kind) else "NOT MET"
    print(f"{what}: {measured} {unit} (95 %; asked: {kind} {figure:g}) · {said}".replace("  ", " "), flush=True)


def common(values: Sequence[str]) -> str:
    """The one value that all have. Raises `ValueError` when they differ."""
    (value,) = set(values)
    return value
