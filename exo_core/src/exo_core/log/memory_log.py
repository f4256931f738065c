"""`EventLog` in memory: for a conversation without a cluster, and for tests. Gone when the process ends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import final

from exo_core.errors import LogConflict, LogError
from exo_core.event_logs import Snapshot
from exo_core.identifiers import NO_EPOCH, Epoch
from exo_core.log.chain import GENESIS
from exo_core.state.events import Entry, Offer


@final
class MemoryLog:
    """A list. `folder` is taken so that it can stand wherever a durable log does."""

    def __init__(self, folder: Path | None = None) -> None:
        del folder
        self._entries: list[Entry] = []
        self._base = 0  # entries before the first one held
        self._base_chain = GENESIS
        self._outbox: tuple[Offer, ...] = ()
        self._epoch = NO_EPOCH
        self._snapshot: Snapshot | None = None

    @property
    def length(self) -> int:
        """Entries in the log, compacted ones included."""
        return self._base + len(self._entries)

    @property
    def first_index(self) -> int:
        """Index of the first entry still held; length + 1 when none is."""
        return self._base + 1

    def chain_at(self, index: int) -> bytes | None:
        """The chain after entry `index`; None when compacted away or beyond the end."""
        if index == self._base:
            return self._base_chain
        if not self._base < index <= self.length:
            return None
        return self._entries[index - self._base - 1].chain

    def read(self, after: int, limit: int) -> Sequence[Entry]:
        """At most `limit` entries from index after + 1 on. Raises `LogError` when compacted away."""
        if after < self._base:
            message = f"entries up to {self._base} were replaced by a snapshot; {after + 1} was asked for"
            raise LogError(message)
        return tuple(self._entries[after - self._base : after - self._base + limit])

    def append(self, entries: Sequence[Entry], *, expected_length: int, outbox: Sequence[Offer] | None = None) -> None:
        """Add entries, and replace the outbox when given. Raises `LogConflict`."""
        if expected_length != self.length:
            message = f"the log has {self.length} entries, not {expected_length}"
            raise LogConflict(message)
        self._entries.extend(entries)
        if outbox is not None:
            self._outbox = tuple(outbox)

    def rollback(self, to_length: int, *, outbox: Sequence[Offer]) -> None:
        """Cut the log and replace the outbox. Raises `LogError` below a snapshot."""
        if not self._base <= to_length <= self.length:
            message = f"the log holds entries {self.first_index} to {self.length} and cannot be cut to {to_length}"
            raise LogError(message)
        del self._entries[to_length - self._base :]
        self._outbox = tuple(outbox)

    @property
    def outbox(self) -> Sequence[Offer]:
        """Facts that the log does not hold."""
        return self._outbox

    def set_outbox(self, offers: Sequence[Offer]) -> None:
        """Replace the outbox."""
        self._outbox = tuple(offers)

    @property
    def epoch(self) -> Epoch:
        """The highest epoch ever set."""
        return self._epoch

    def set_epoch(self, epoch: Epoch) -> None:
        """Raises `LogError` if it would go back."""
        if epoch < self._epoch:
            message = f"the epoch may not go back from {self._epoch} to {epoch}"
            raise LogError(message)
        self._epoch = epoch

    @property
    def snapshot(self) -> Snapshot | None:
        """The newest snapshot, if any."""
        return self._snapshot

    def install_snapshot(self, snapshot: Snapshot, *, outbox: Sequence[Offer] | None = None) -> None:
        """Keep a snapshot and drop entries up to its index; all entries when the chain at its index is not ours."""
        ours = self.chain_at(snapshot.index) == snapshot.chain
        self._entries = list(self.read(snapshot.index, self.length)) if ours else []
        self._base, self._base_chain, self._snapshot = snapshot.index, snapshot.chain, snapshot
        if outbox is not None:
            self._outbox = tuple(outbox)

    @property
    def damage(self) -> str | None:
        """Memory is sound."""
        return None

    def mended(self) -> None:
        """Nothing was broken."""

    def close(self) -> None:
        """Nothing to release."""
