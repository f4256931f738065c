"""Following the log from some entry on, live, through everything that may happen to it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import final

from exo_core.control_plane.change_counter import ChangeCounter
from exo_core.log.payloads import decode_event
from exo_core.node_handle import AppliedEvent, LogItem, RolledBack, SummedUp
from exo_core.state.events import Entry


@final
class LogReader:
    """`read(after)` gives entries and the index that they follow, which is later where a snapshot replaced some.

    `is_ours(index, chain)` says whether the log here has that chain there, as far as can be told.
    """

    def __init__(
        self,
        *,
        changed: ChangeCounter,
        length: Callable[[], int],
        read: Callable[[int], Awaitable[tuple[int, Sequence[Entry]]]],
        is_ours: Callable[[int, bytes], Awaitable[bool]],
    ) -> None:
        self.changed = changed
        self._length = length
        self._read = read
        self._is_ours = is_ours
        self._cuts: list[int] = []

    def cut(self, to_length: int) -> None:
        """Entries after that left the log, or may have."""
        self._cuts.append(to_length)

    async def events(self, after: int, chain: bytes | None = None) -> AsyncGenerator[LogItem]:
        """See `NodeHandle`. With another chain at `after` nothing below is known to be common, so all is told again."""
        position, cuts = after, len(self._cuts)
        told_to = position if chain is None or await self._is_ours(position, chain) else 0
        while True:
            seen = self.changed.version
            told_to, cuts = min([told_to, *self._cuts[cuts:]]), len(self._cuts)
            if told_to < position:
                yield RolledBack(to=told_to)
            position = told_to
            while position < self._length() and cuts == len(self._cuts):
                start, entries = await self._read(position)
                if start > position:
                    yield SummedUp(index=start)
                position = start
                for entry in entries:
                    position += 1
                    event = decode_event(entry.payload)
                    yield AppliedEvent(index=position, entry=entry, event=event, replayed=False)
            told_to = position
            if cuts == len(self._cuts):
                await self.changed.wait(seen)
