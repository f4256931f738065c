"""Who owns a task? A scope does: leaving it cancels and awaits whatever still runs in it.

Unlike `asyncio.TaskGroup` it outlives a child that fails (one bad peer must not end a node): the failure is logged. And
the body's own error leaves it as it was raised, so that a `UserError` is still one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from types import TracebackType
from typing import Self, final

from exo_core.raised_at import raised_at

logger = logging.getLogger(__name__)


@final
class TaskScope:
    """A parent for tasks of equal standing, none of which may take the others down."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = False

    async def __aenter__(self) -> Self:
        self._open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open = False
        while self._tasks:
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    @property
    def is_open(self) -> bool:
        """Whether tasks can be started."""
        return self._open

    def start(self, work: Coroutine[object, object, None], name: str) -> asyncio.Task[None] | None:
        """Run `work` in a task of this scope; None, and nothing is run, once the scope is being left."""
        if not self._open:
            work.close()
            return None
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("%s failed: %s", task.get_name(), raised_at(error))
