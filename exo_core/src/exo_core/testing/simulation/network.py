"""A network that loses, doubles, delays and cuts, as its seed will have it.

A message goes from a process to a process: what is under way to one that was killed is lost, as with a connection. The
two ends of a cut line learn of it by silence, and after `LINE_LOST_S` by their transport.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import final

from exo_core.identifiers import NodeId
from exo_core.testing.simulation.timeline import Timeline

FASTEST_S = 0.002
USUAL_S = 0.008
LATEST_S = 1.5
LINE_LOST_S = 8.0
"""So long after a cut does a transport give a line up."""


@dataclass(frozen=True, kw_only=True)
class Weather:
    """Shares of messages: lost, delivered twice, held up for up to `LATEST_S` and so overtaken by others."""

    lost: float = 0.0
    doubled: float = 0.0
    late: float = 0.0


FAIR = Weather()


@final
class VirtualNetwork:
    """Lines between nodes, each way by itself."""

    def __init__(self, timeline: Timeline, chance: random.Random) -> None:
        self._timeline = timeline
        self._chance = chance
        self._cut: dict[tuple[NodeId, NodeId], float] = {}  # since when
        self.weather = FAIR

    def carry(self, sender: NodeId, to: NodeId, deliver: Callable[[], object]) -> None:
        """Take a message on its way; `deliver` is called once, twice or never."""
        if (sender, to) in self._cut:
            return
        weather = self.weather
        if weather.lost and self._chance.random() < weather.lost:
            return
        self._timeline.after(self._delay(), deliver)
        if weather.doubled and self._chance.random() < weather.doubled:
            self._timeline.after(self._delay(), deliver)

    def _delay(self) -> float:
        usual = FASTEST_S + USUAL_S * self._chance.random()
        late = self.weather.late and self._chance.random() < self.weather.late
        return usual + LATEST_S * self._chance.random() if late else usual

    def cut(self, sender: NodeId, to: NodeId) -> None:
        """What one says does not reach the other."""
        self._cut.setdefault((sender, to), self._timeline.now)

    def part(self, one: Iterable[NodeId], other: Iterable[NodeId]) -> None:
        """Nothing passes between these two groups, either way."""
        others = list(other)
        for a in one:
            for b in others:
                self.cut(a, b)
                self.cut(b, a)

    def heal(self) -> None:
        """Every line works again."""
        self._cut.clear()

    def connected(self, a: NodeId, b: NodeId) -> bool:
        """Whether their transports still hold the line."""
        since = min(self._cut.get((a, b), self._timeline.now), self._cut.get((b, a), self._timeline.now))
        return self._timeline.now - since < LINE_LOST_S
