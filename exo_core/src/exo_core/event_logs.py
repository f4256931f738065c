"""Where the log is kept: a small contract with two implementations of ours (memory, SQLite)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from exo_core.frozen import Count, Frozen
from exo_core.identifiers import Epoch, Origin
from exo_core.state.events import Entry, Offer


class Snapshot(Frozen):
    """All that the first `index` entries amount to.

    `state` is canonical msgpack of `State`; `last_seqs` the last fact of each origin; `unreduced` the entries,
    verbatim, that its writer could not reduce; `chain` the chain at `index`.
    """

    index: Count
    chain: bytes
    state: bytes
    last_seqs: tuple[tuple[Origin, Count], ...]
    unreduced: tuple[Entry, ...] = ()


class EventLog(Protocol):
    """A durable sequence of entries, an outbox, an epoch and a snapshot. Called from one thread; each call is atomic.

    When a call returns, what it wrote survives a power cut. `length` counts from the beginning of the cluster, entries
    that a snapshot replaced included.
    """

    @property
    def length(self) -> int:
        """Entries in the log, compacted ones included."""
        ...

    @property
    def first_index(self) -> int:
        """Index of the first entry still held; length + 1 when none is."""
        ...

    def chain_at(self, index: int) -> bytes | None:
        """The chain after entry `index` (0: 32 zero bytes); None when compacted away or beyond the end."""
        ...

    def read(self, after: int, limit: int) -> Sequence[Entry]:
        """At most `limit` entries from index after + 1 on. Raises `LogCorrupt`; `LogError` when compacted away."""
        ...

    def append(self, entries: Sequence[Entry], *, expected_length: int, outbox: Sequence[Offer] | None = None) -> None:
        """Add entries, and replace the outbox when given, in one transaction. Raises `LogConflict`."""
        ...

    def rollback(self, to_length: int, *, outbox: Sequence[Offer]) -> None:
        """Cut the log and replace the outbox in one transaction. Raises `LogError` below a snapshot."""
        ...

    @property
    def outbox(self) -> Sequence[Offer]:
        """Facts that are not known to be safe in the log."""
        ...

    def set_outbox(self, offers: Sequence[Offer]) -> None:
        """Replace the outbox."""
        ...

    @property
    def epoch(self) -> Epoch:
        """The highest epoch this node has ever accepted."""
        ...

    def set_epoch(self, epoch: Epoch) -> None:
        """Durable before it returns. Raises `LogError` if it would go back."""
        ...

    @property
    def snapshot(self) -> Snapshot | None:
        """The newest snapshot, if any."""
        ...

    def install_snapshot(self, snapshot: Snapshot, *, outbox: Sequence[Offer] | None = None) -> None:
        """Keep a snapshot and drop entries up to its index; all entries when the chain at its index is not ours."""
        ...

    def close(self) -> None:
        """Release the storage."""
        ...


EventLogFactory = Callable[[Path], EventLog]
