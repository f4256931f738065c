"""How many bytes a second a link carries, found out by sending some. Decides; the sending is handed in.

The first bytes tell little: TCP begins slowly, and many lines let some pass at once that they then count against what
follows. So what is large enough to tell something is sent again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

SMALLEST: Final = 2**14
LARGEST: Final = 2**22
STEP: Final = 4
PATIENCE_S: Final = 2.0
"""For one probe."""
_LONG_ENOUGH_S: Final = 0.01
"""What a probe must take beyond an empty one, and beyond as long as that takes, to say something."""
_SURE_S: Final = 0.5
"""What takes so long is not sent again."""
_INSTANT_S: Final = 1e-6

Exchange = Callable[[int], float | None]
"""Sends a probe of so many bytes: seconds until the other side said that it came; None: not within `PATIENCE_S`."""


def measured_speed(exchange: Exchange) -> float | None:
    """Bytes a second, from the smallest probe that takes long enough, sent again. None: nobody answers."""
    answers = [exchange(0), exchange(0)]
    if None in answers:
        return None
    empty = min(answer for answer in answers if answer is not None)
    for size in _sizes():
        took = exchange(size)
        if took is None:
            return size / PATIENCE_S
        if took - empty >= max(_LONG_ENOUGH_S, empty) or size == LARGEST:
            steady = took if took > _SURE_S else _better_of_two(exchange, size)
            least = _INSTANT_S if size == LARGEST else steady / 2  # an empty one may just have been held up
            return size / max(steady - empty, least)
    raise AssertionError  # the largest is one of them


def _better_of_two(exchange: Exchange, size: int) -> float:
    return min(PATIENCE_S if took is None else took for took in (exchange(size), exchange(size)))


def _sizes() -> list[int]:
    sizes = [SMALLEST]
    while sizes[-1] < LARGEST:
        sizes.append(sizes[-1] * STEP)
    return sizes
