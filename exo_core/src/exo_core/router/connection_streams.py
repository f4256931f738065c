"""Which streams are open on one link?"""

from __future__ import annotations

from typing import final

from exo_core.errors import WireError
from exo_core.identifiers import NodeId
from exo_core.messaging import Priority
from exo_core.router.outbox import Outbox
from exo_core.router.streams import RouterStream
from exo_core.wire.frames import Frame


@final
class ConnectionStreams:
    """Streams by id; a `FrameSink` for them. Ids of one parity are drawn here, the others by the peer.

    Openings of different priorities may overtake each other, so the peer's ids come in no order.
    """

    def __init__(self, peer: NodeId, outbox: Outbox, *, first_id: int, limit: int) -> None:
        self._peer = peer
        self._outbox = outbox
        self._next_id = first_id
        self._limit = limit
        self._open: dict[int, RouterStream] = {}
        self._of_peer = 0

    def push(self, turn: Priority, frame: Frame) -> None:
        """Queue a stream's frame."""
        self._outbox.push(turn, frame)

    def forget(self, stream_id: int) -> None:
        """A stream ended."""
        if self._open.pop(stream_id, None) is not None and not self._is_ours(stream_id):
            self._of_peer -= 1

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    def opened_here(self, priority: Priority, window: int) -> RouterStream:
        """A new stream of ours."""
        stream = RouterStream(self._peer, self._next_id, priority, self, window=window)
        self._open[stream.id] = stream
        self._next_id += 2
        return stream

    def opened_there(self, stream_id: int, priority: Priority, window: int) -> RouterStream:
        """A new stream of the peer. Raises `WireError`."""
        if self._is_ours(stream_id) or stream_id in self._open or self._of_peer >= self._limit:
            message = f"stream {stream_id} cannot be opened ({self._of_peer} are open)"
            raise WireError(message)
        self._of_peer += 1
        stream = self._open[stream_id] = RouterStream(self._peer, stream_id, priority, self, window=window)
        return stream

    def take(self, frame: Frame) -> None:
        """Hand a frame to its stream; what comes late for a closed one is dropped. Raises `WireError`."""
        stream = self._open.get(frame.id)
        if stream is not None:
            stream.take(frame)

    def end(self, reason: str) -> None:
        """The link died."""
        for stream in self._open.values():
            stream.end(reason)
        self._open.clear()

    def _is_ours(self, stream_id: int) -> bool:
        return stream_id % 2 == self._next_id % 2
