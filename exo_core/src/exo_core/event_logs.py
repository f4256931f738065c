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

    `state` is canonical msgpack of `State`; `last_seqs` the last fact of each origin, `holes` facts below those that
    the log does not hold (their only disk was damaged); `unreduced` the entries, verbatim, that its writer could not
    reduce; `chain` and `last_epoch` those of entry `index`. `facts` are the facts of compacted entries that not every
    member is known to hold, each with its index: whoever comes back with another history must be able to get them.
    """

    index: Count
    chain: bytes
    last_epoch: Epoch
    state: bytes
    last_seqs: tuple[tuple[Origin, Count], ...]
    holes: tuple[tuple[Origin, Count], ...] = ()
    unreduced: tuple[Entry, ...] = ()
    facts: tuple[tuple[Count, Offer], ...] = ()


class EventLog(Protocol):
    """A durable sequence of entries, an outbox, an epoch and a snapshot. Each call is atomic.

    Calls come one after another, though not always from the same thread.

    When a call returns, what it wrote survives a power cut. `length` counts from the beginning of the cluster, entries
    that a snapshot replaced included. Every method that writes raises `LogFull` when the disk takes no more; nothing
    has changed then, and the call may be repeated later.

    Opening a log with a row that fails its checksum or its chain never fails: the file is set aside, the rows before
    the bad one are kept, and the facts of readable rows after it go to the front of the outbox, in order, since this
    disk may be the only one that holds them. `damage` says so, also after a restart, until `mended` is called. A row
    that turns out bad while the log is open raises `LogCorrupt`; opening it again then does the same.
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

    @property
    def damage(self) -> str | None:
        """What was found broken at opening and is not yet replaced, in a sentence for people; None: all is sound."""
        ...

    def mended(self) -> None:
        """What was broken has been fetched from others: forget the damage."""
        ...

    def close(self) -> None:
        """Release the storage."""
        ...


EventLogFactory = Callable[[Path], EventLog]
