"""How often is a request to the hub repeated, and after which pauses?"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar, final

from exo_source_huggingface.hub_problems import PASSING, HubProblem

PAUSES_S: Sequence[float] = (0.5, 1.0, 2.0, 4.0, 8.0)
LONGEST_WAIT_S: Final = 50.0
"""The node ends a fetch of which nothing came for a minute; a hub that wants more than this is given up sooner."""

ResultT = TypeVar("ResultT")
Sleep = Callable[[float], Awaitable[None]]


@final
class Patience:
    """Of one request. Pauses are drawn around their length, so that many machines do not come back at one moment."""

    def __init__(self, sleep: Sleep, attempts: int | None = None) -> None:
        """`attempts`: at most so many; as many as there are pauses for, if not said."""
        self._sleep = sleep
        self._pauses_s = PAUSES_S if attempts is None else PAUSES_S[: attempts - 1]
        self._failed = 0

    def moved(self) -> None:
        """Something came: earlier failures do not count any more."""
        self._failed = 0

    async def after(self, problem: HubProblem) -> None:
        """Wait before the next attempt. Raises the problem when there is to be none."""
        if problem.kind not in PASSING or self._failed == len(self._pauses_s):
            raise problem
        if problem.wait_s is not None and problem.wait_s > LONGEST_WAIT_S:
            raise problem
        pause = self._pauses_s[self._failed] * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
        self._failed += 1
        await self._sleep(max(pause, problem.wait_s or 0.0))

    async def with_(self, attempt: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """What an attempt gives in the end. Raises `HubProblem`."""
        while True:
            try:
                return await attempt()
            except HubProblem as problem:
                await self.after(problem)
