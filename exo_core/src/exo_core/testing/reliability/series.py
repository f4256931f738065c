"""Does something level off? A series of measurements, and the line through it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Series:
    """`name` in `unit`; `most_per_minute`: how steep the line through it may be when the first part is left out."""

    name: str
    unit: str
    most_per_minute: float
    moments: list[float] = field(default_factory=list[float])
    values: list[float] = field(default_factory=list[float])

    def add(self, moment: float, value: float) -> None:
        """`moment` in seconds, growing."""
        self.moments.append(moment)
        self.values.append(value)

    def slope_per_minute(self, *, after: float) -> float:
        """Of the line through all that was measured from that moment on (least squares)."""
        pairs = [(at, value) for at, value in zip(self.moments, self.values, strict=True) if at >= after]
        return 60 * slope([at for at, _ in pairs], [value for _, value in pairs])

    def check(self, *, after: float) -> None:
        """Raises `AssertionError` when it grows."""
        assert self.slope_per_minute(after=after) <= self.most_per_minute, self.shown(after=after)

    def shown(self, *, after: float) -> str:
        """All of it, for people."""
        values = " ".join(f"{value:.0f}" for value in self.values)
        grows = f"{self.slope_per_minute(after=after):+.2f} {self.unit} a minute (at most {self.most_per_minute:g})"
        return f"{self.name}, {self.unit}: {values}\n  after {after:.0f} s: {grows}"


def slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    """Of the line that fits best; 0 for fewer than two points."""
    if len(xs) < 2:
        return 0.0
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    return sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread if spread else 0.0
