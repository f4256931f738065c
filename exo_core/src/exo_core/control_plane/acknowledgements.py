"""Coroutines that wait until a fact which they offered is safe."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from itertools import count
from typing import final

from exo_core.control_plane.inputs import Acknowledged
from exo_core.errors import LogCorrupt


@final
class Acknowledgements:
    """Of one node, on its event loop."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[int]] = {}

    @contextmanager
    def waiting(self) -> Generator[tuple[int, asyncio.Future[int]]]:
        """The number to offer under, and what will be the fact's index."""
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            yield number, self._waiting[number]
        finally:
            self._waiting.pop(number, None)

    def came(self, answer: Acknowledged) -> None:
        """It is safe; whoever waited may have given up."""
        future = self._waiting.get(answer.waiter)
        if future is not None and not future.done():
            future.set_result(answer.index)

    def give_up(self, problem: LogCorrupt) -> None:
        """Nobody will be answered any more."""
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(LogCorrupt(str(problem)))
