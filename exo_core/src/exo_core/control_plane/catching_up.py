"""Fetching a snapshot: by a node whose log ends before the master's first entry, or whose state went wrong.

| in state | on                                             | goes to  | and                                           |
|----------|------------------------------------------------|----------|-----------------------------------------------|
| idle     | the master says that it only has a snapshot    | fetching | asks the first provider for the first part    |
| idle     | this node's state differs from the others'     | fetching | the same                                      |
| fetching | the next part of the same snapshot             | fetching | asks for the part after it                    |
| fetching | the last part; it can be read                  | idle     | gives the snapshot to be installed            |
| fetching | the last part; it cannot be read               | fetching | asks the next provider, from the beginning    |
| fetching | a part of one that does not go far enough      | fetching | the same                                      |
| fetching | it would make this node forget                 | fetching | the same, see `giving_way`                    |
| fetching | a part of another snapshot                     | fetching | asks the same provider, from the beginning    |
| fetching | nothing for a second                           | fetching | asks again; after two silences the next one   |
| fetching | the master's entries can be taken after all    | idle     |                                               |
| any      | there is nobody to ask                         | the same | waits                                         |

Any member may serve: what it gives is checked against the master's chain by the replication that follows. Parts are
asked for one by one, so nobody is sent what it did not ask for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from exo_core.control_plane.messages import FetchSnapshot, SnapshotPart
from exo_core.control_plane.running_sum import point_of
from exo_core.errors import WireError
from exo_core.event_logs import Snapshot
from exo_core.identifiers import NodeId
from exo_core.transports import MAXIMUM_MESSAGE_BYTES
from exo_core.wire.codec import decode_model, encode_model

PATIENCE_S = 1.0
SILENCES = 2
LARGEST_SNAPSHOT_BYTES = MAXIMUM_MESSAGE_BYTES
Ask = tuple[NodeId, FetchSnapshot]


@final
class CatchingUp:
    """The fetching side."""

    def __init__(self) -> None:
        self.wanted = False
        self._at_least = 0
        self._provider: NodeId | None = None
        self._source: tuple[int, bytes, int] | None = None  # index, chain and size of the snapshot under way
        self._received = bytearray()
        self._asked_at = float("-inf")
        self._silences = 0

    def want(self, at_least: int) -> None:
        """A snapshot is needed that sums up so many entries, or more."""
        self.wanted, self._at_least = True, at_least

    def done(self) -> None:
        """It is not needed any more."""
        self.wanted = False
        self._begin(None)

    def refuse(self, provider: NodeId) -> None:
        """What came whole from there is not to be used: another is asked."""
        self.wanted = True
        self._give_up_on(provider)

    def tick(self, providers: Sequence[NodeId], now: float) -> Ask | None:
        """What to ask now; `providers` are live members, the best first."""
        if not self.wanted or not providers or now - self._asked_at < PATIENCE_S:
            return None
        if self._provider is not None:
            self._silences += 1
        if self._provider not in providers or self._silences >= SILENCES:
            self._begin(_after(self._provider, providers))
        return self._ask(now)

    def receive(self, sender: NodeId, part: SnapshotPart, now: float) -> tuple[Ask | None, Snapshot | None]:
        """A part came: what to ask next, or the whole snapshot."""
        if not self.wanted or sender != self._provider:
            return None, None
        source = (part.index, part.chain, part.total)
        if part.offset != len(self._received) or (self._source not in (None, source)):
            if part.offset == 0:
                return None, None  # a late answer to a question that was repeated
            self._begin(sender)
            return self._ask(now), None
        if part.total > LARGEST_SNAPSHOT_BYTES or not part.data or part.index < self._at_least:
            self._give_up_on(sender)
            return None, None
        self._source, self._silences = source, 0
        self._received += part.data
        if len(self._received) < part.total:
            return self._ask(now), None
        snapshot = _readable(bytes(self._received))
        if snapshot is None or (snapshot.index, snapshot.chain) != source[:2]:
            self._give_up_on(sender)
            return None, None
        self.done()
        return None, snapshot

    def _ask(self, now: float) -> Ask | None:
        if self._provider is None:
            return None
        self._asked_at = now
        return self._provider, FetchSnapshot(offset=len(self._received))

    def _begin(self, provider: NodeId | None) -> None:
        self._provider, self._source, self._silences = provider, None, 0
        self._received.clear()

    def _give_up_on(self, provider: NodeId) -> None:
        """It serves what cannot be used: the next tick asks another."""
        self._begin(provider)
        self._silences = SILENCES


@final
class SnapshotServer:
    """The serving side: one encoded snapshot is kept while it is being fetched, in parts of so many bytes."""

    def __init__(self, part_bytes: int) -> None:
        self._part_bytes = part_bytes
        self._snapshot: Snapshot | None = None
        self._encoded = b""

    def begin(self, snapshot: Snapshot) -> None:
        """From now on parts are of this one."""
        if snapshot != self._snapshot:
            self._snapshot, self._encoded = snapshot, encode_model(snapshot)

    def part(self, offset: int) -> SnapshotPart | None:
        """The part at a byte; None when nothing is being served, or beyond the end."""
        if self._snapshot is None or offset >= len(self._encoded):
            return None
        return SnapshotPart(
            index=self._snapshot.index,
            chain=self._snapshot.chain,
            offset=offset,
            total=len(self._encoded),
            data=self._encoded[offset : offset + self._part_bytes],
        )


def _after(provider: NodeId | None, providers: Sequence[NodeId]) -> NodeId:
    """The next one in turn."""
    place = providers.index(provider) + 1 if provider in providers else 0
    return providers[place % len(providers)]


def _readable(data: bytes) -> Snapshot | None:
    """None for what this version cannot read (a newer exo wrote it) or what is broken."""
    try:
        snapshot = decode_model(Snapshot, data)
        point_of(snapshot)
    except WireError:
        return None
    return snapshot
