"""Who uses the log, and on which thread? A turn or a reader, one at a time, on a thread of the log's own.

A slow disk must not stop the event loop; only a turn that will hardly write is handled on it. A row that turns bad
ends what was being done: the log is opened again, which sets the bad part aside, and a new participant begins.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar, final

from exo_core.control_plane.calm_turns import is_calm
from exo_core.control_plane.inputs import Input, Output
from exo_core.control_plane.participant import Participant
from exo_core.errors import ExoError, LogCorrupt
from exo_core.event_logs import EventLog
from exo_core.state.events import Entry

logger = logging.getLogger(__name__)

READ_BATCH = 256
ResultT = TypeVar("ResultT")
Participate = Callable[[EventLog, Participant | None], Participant]
"""Make a participant of a log; one that was there before, if any."""


@final
class LogThread:
    """`reopen` closes the log and opens it again; None: a row that turns bad ends the node.

    `began_anew` is told, on the event loop, that there is another participant, and why.
    """

    def __init__(
        self,
        log: EventLog,
        *,
        participate: Participate,
        reopen: Callable[[], EventLog] | None,
        began_anew: Callable[[LogCorrupt], None],
    ) -> None:
        self._log = log
        self._participate = participate
        self._reopen = reopen
        self._began_anew = began_anew
        self._participant: Participant | None = None
        self._alone = asyncio.Lock()

    @property
    def damage(self) -> str | None:
        """What of the log is lost here and not fetched again yet; None: nothing."""
        return self._log.damage

    @property
    def participant(self) -> Participant:
        """The present one."""
        if self._participant is None:
            message = "the control plane is not running"
            raise ExoError(message)
        return self._participant

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """The log is read, and may be used while this is open. Raises `LogError`."""
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="exo-log") as self._writer:
            self._participant = await self._in_writer(partial(self._participate, self._log, None))
            yield

    async def handle(self, inputs: Sequence[Input], now: float) -> Sequence[Output]:
        """A turn. Whatever its outputs promise is on the disk."""
        async with self._alone:
            participant = self.participant
            try:
                if is_calm(participant, inputs):
                    return participant.handle(inputs, now, calm=True)
                return await self._in_writer(partial(participant.handle, inputs, now))
            except LogCorrupt as problem:
                await self._begin_anew(problem)
                return ()

    async def read(self, after: int) -> tuple[int, Sequence[Entry]]:
        """Entries after an index, or after the snapshot that replaced them. A row that turns bad is mended first."""
        async with self._alone:
            while True:
                try:
                    position = max(after, self._log.first_index - 1)
                    return position, await self._in_writer(partial(self._log.read, position, READ_BATCH))
                except LogCorrupt as problem:
                    await self._begin_anew(problem)

    async def has(self, index: int, chain: bytes) -> bool:
        """Whether the log here has that chain there. What a snapshot replaced cannot be told, and is not told again."""
        async with self._alone:
            is_kept = index >= self._log.first_index - 1
            return not is_kept or await self._in_writer(partial(self._log.chain_at, index)) == chain

    async def _begin_anew(self, problem: LogCorrupt) -> None:
        if self._reopen is None:
            raise problem
        logger.error("%s", problem)
        self._log = await self._in_writer(self._reopen)
        self._participant = await self._in_writer(partial(self._participate, self._log, self._participant))
        self._began_anew(problem)

    def _in_writer(self, work: Callable[[], ResultT]) -> Awaitable[ResultT]:
        return asyncio.get_running_loop().run_in_executor(self._writer, work)
