"""What is wrong with a memory network right now: who cannot hear whom, and how slow the rest is."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import final

from exo_core.identifiers import NodeId


@final
class Faults:
    """The state of every direction between two nodes. Safe to change from any thread."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable faults are the point
        self._lock = threading.Lock()
        self._deaf: set[tuple[NodeId, NodeId]] = set()
        self._delays: dict[tuple[NodeId, NodeId], tuple[float, float]] = {}
        self._speeds: dict[tuple[NodeId, NodeId], float] = {}
        self._busy_until: dict[tuple[NodeId, NodeId], float] = {}
        self._wakers: set[Callable[[], None]] = set()

    def cut(self, source: NodeId, target: NodeId) -> None:
        """What `source` sends does not get to `target` until `join`."""
        self._deaf.add((source, target))

    def join(self, source: NodeId, target: NodeId) -> None:
        """Undo `cut`; what was held up goes on."""
        self._deaf.discard((source, target))
        self.wake()

    def join_all(self) -> None:
        """Undo every `cut`."""
        self._deaf.clear()
        self.wake()

    def is_cut(self, source: NodeId, target: NodeId) -> bool:
        """Whether nothing gets from `source` to `target`."""
        return bool(self._deaf) and (source, target) in self._deaf

    def set_delay(self, source: NodeId, target: NodeId, seconds: float, jitter: float) -> None:
        """Every message takes `seconds` longer, plus up to `jitter` drawn from the seed."""
        self._delays[source, target] = (seconds, jitter)

    def delay(self, source: NodeId, target: NodeId) -> float:
        """The delay of one message, drawn now."""
        seconds, jitter = self._delays.get((source, target), (0.0, 0.0))
        return seconds + (jitter * self._random.random() if jitter else 0.0)

    def set_speed(self, source: NodeId, target: NodeId, bytes_per_s: float) -> None:
        """At most that many bytes a second go this way, over all links together."""
        self._speeds[source, target] = bytes_per_s

    def arrival(self, source: NodeId, target: NodeId, size: int) -> float:
        """When a message sent now arrives, on `time.monotonic`; 0.0 for at once. Takes its share of the speed."""
        if not self._delays and not self._speeds:
            return 0.0
        direction = (source, target)
        with self._lock:
            moment = time.monotonic()
            speed = self._speeds.get(direction)
            if speed is not None:
                moment = max(moment, self._busy_until.get(direction, 0.0)) + size / speed
                self._busy_until[direction] = moment
            return moment + self.delay(source, target)

    def on_change(self, waker: Callable[[], None]) -> None:
        """Call `waker`, from whichever thread, when something that was held up may go on."""
        self._wakers.add(waker)

    def forget(self, waker: Callable[[], None]) -> None:
        """Undo `on_change`."""
        self._wakers.discard(waker)

    def wake(self) -> None:
        """Have everybody who waits look again."""
        for waker in list(self._wakers):
            waker()
