"""Whether a runner's engine hangs, judged by what it does and says. Pure: times are handed in, in seconds.

| the engine                        | is given (`Patience`)                           | when that is over             |
|-----------------------------------|-------------------------------------------------|-------------------------------|
| loads                             | `load` from one progress to the next            | the process ends              |
| waits for a ring, or for requests | any time                                        |                               |
| warms up                          | `warm_up` for a token                           | the process ends              |
| has requests                      | `prefill`, or max(`decode`, 20 usual intervals) | its ring is broken up; the    |
|                                   | from one answer to the next                     | process ends if it has none   |
| holds a ring that is broken       | `leave_ring` to come back for another           | the process ends              |

Of several stages it is rarely the head that hangs when its requests do. So the ring is broken up first: stages that
are well come back for another and keep their weights; the one that does not is the one whose process ends.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal, final

from exo_core.runner.patience import Patience

USUAL_INTERVALS = 20
_WEIGHT = 1 / 8
"""Of the newest interval in the smoothed one."""

Doing = Literal["loading", "waiting", "warming_up", "serving", "leaving"]


@dataclass(frozen=True)
class Hang:
    """Since `seconds` nothing happened; `detail` is a sentence for people. `elsewhere`: it may be another stage."""

    detail: str
    seconds: float
    elsewhere: bool = False


@final
class EngineWatch:
    """What an engine does, and since when it should have done something."""

    def __init__(self, patience: Patience, now: float) -> None:
        self._patience = patience
        self._doing: Doing = "loading"
        self._moved = now
        self._usual: float | None = None
        self._decoding: set[int] = set()
        """Calls that have a token."""

    @property
    def doing(self) -> Doing:
        """What it does."""
        return self._doing

    def does(self, doing: Doing, now: float) -> None:
        """From now on it does that; said again, it is progress."""
        self._doing = doing
        self._moved = now

    def answered(self, call: int, *, token: bool, now: float) -> None:
        """An answer to a call came."""
        if token:
            if call in self._decoding:
                self._note(now - self._moved)
            self._decoding.add(call)
        self._moved = now

    def forgive(self, seconds: float) -> None:
        """We were held up ourselves for so long, and may have missed something."""
        self._moved += seconds

    def look(self, now: float, open_calls: AbstractSet[int]) -> Hang | None:
        """Whether it hangs, with these calls waiting for answers. To be asked all the time."""
        self._decoding &= open_calls
        if self._doing == "waiting" or (self._doing == "serving" and not open_calls):
            self._moved = now
            return None
        given = self._given(open_calls)
        if now - self._moved < given:
            return None
        return Hang(f"{_WORDS[self._doing]} {given:.0f} s", given, elsewhere=self._doing == "serving")

    def _given(self, open_calls: AbstractSet[int]) -> float:
        patience = self._patience
        if self._doing == "serving":
            return patience.prefill if open_calls - self._decoding else self._for_a_token()
        return {"loading": patience.load, "warming_up": patience.warm_up}.get(self._doing, patience.leave_ring)

    def _for_a_token(self) -> float:
        return max(self._patience.decode, USUAL_INTERVALS * (self._usual or 0.0))

    def _note(self, interval: float) -> None:
        self._usual = interval if self._usual is None else self._usual + _WEIGHT * (interval - self._usual)


_WORDS: dict[Doing, str] = {
    "loading": "loading the model has not moved for",
    "warming_up": "no token came out of the loaded model within",
    "serving": "requests have made no progress for",
    "leaving": "the engine still holds on to links that broke, after",
}
