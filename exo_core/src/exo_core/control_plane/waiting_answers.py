"""Who waits for what to become safe: offered facts by their number, commands by the index of their last fact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import final

from exo_core.control_plane.inputs import Acknowledged, Decided
from exo_core.control_plane.ledger import Applied
from exo_core.control_plane.messages import CommandReply, NotMaster
from exo_core.identifiers import NodeId, Origin
from exo_core.state.events import FactId


@dataclass(frozen=True)
class _Pending:
    waiter: int
    index: int
    reply: CommandReply


@final
class WaitingAnswers:
    """Kept in memory: whoever asked is on this node, or asks again. `origin` is that of this node's facts."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._waiters: dict[int, int] = {}  # seq of an own fact -> waiter
        self._indices: dict[int, int] = {}  # seq of an own fact -> its index in the log
        self._commands: list[_Pending] = []

    def offered(self, seq: int, waiter: int) -> None:
        """Somebody waits for this node's fact `seq`; a waiter of 0: nobody does."""
        if waiter:
            self._waiters[seq] = waiter

    def tell(self, added: Iterable[Applied]) -> Iterator[Applied]:
        """Pass on what entered the log here; facts of this node may be among it."""
        for item in added:
            event_id = item.entry.event_id
            if isinstance(event_id, FactId) and event_id.origin == self._origin and event_id.seq in self._waiters:
                self._indices[event_id.seq] = item.index
            yield item

    def covered(self, last_seq: int, index: int) -> None:
        """This node's facts up to `last_seq` are in the log here, within a snapshot that ends at `index`."""
        for seq in self._waiters:
            if seq <= last_seq:
                self._indices.setdefault(seq, index)

    def cut(self, length: int) -> None:
        """Entries after that left the log."""
        self._indices = {seq: index for seq, index in self._indices.items() if index <= length}

    def commanded(self, waiter: int, index: int, reply: CommandReply) -> None:
        """Answer a command once the log is safe up to `index`."""
        self._commands.append(_Pending(waiter, index, reply))

    def safe(self, index: int) -> Iterator[Acknowledged | Decided]:
        """All that may be answered now."""
        for seq in [seq for seq, place in self._indices.items() if place <= index]:
            yield Acknowledged(self._waiters.pop(seq), self._indices.pop(seq))
        ready = [item for item in self._commands if item.index <= index]
        self._commands = [item for item in self._commands if item.index > index]
        for item in ready:
            yield Decided(item.waiter, item.reply)

    def stepped_down(self, master_id: NodeId | None) -> Iterator[Decided]:
        """This node leads no more: whoever waits asks the next master."""
        pending, self._commands = self._commands, []
        for item in pending:
            yield Decided(item.waiter, NotMaster(master_id=master_id))
