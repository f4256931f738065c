"""Two ends of a `BlockingLink` in one process, and rings of them: what stages in threads speak over in tests."""

from __future__ import annotations

import threading
from collections import deque
from typing import final

from exo_core.backends import Ring
from exo_core.errors import LinkClosed
from exo_core.identifiers import NodeId
from exo_core.transports import Buffer, Peer


class _Pipe:
    """One direction. Holds at most `capacity` messages, so that a sender whose peer does not read really blocks."""

    def __init__(self, capacity: int) -> None:
        self.changed = threading.Condition()
        self.messages: deque[bytes] = deque()
        self.capacity = capacity
        self.closed = False

    def put(self, message: bytes) -> None:
        with self.changed:
            self.changed.wait_for(lambda: self.closed or len(self.messages) < self.capacity)
            if self.closed:
                raise _closed()
            self.messages.append(message)
            self.changed.notify_all()

    def get(self, timeout: float | None) -> bytes | None:
        with self.changed:
            self.changed.wait_for(lambda: self.closed or bool(self.messages), timeout)
            if self.messages:
                message = self.messages.popleft()
                self.changed.notify_all()
                return message
            if self.closed:
                raise _closed()
            return None

    def close(self) -> None:
        with self.changed:
            self.closed = True
            self.changed.notify_all()


@final
class MemoryBlockingLink:
    """One end of a pair; see `exo_core.transports.BlockingLink`."""

    def __init__(self, peer: Peer, sends: _Pipe, receives: _Pipe) -> None:
        self._peer = peer
        self._sends = sends
        self._receives = receives

    @property
    def peer(self) -> Peer:
        """Who the other end was made for."""
        return self._peer

    @property
    def address(self) -> str:
        """Memory has no addresses."""
        return f"memory:{self._peer.role}"

    def send(self, *parts: Buffer) -> None:
        """Send one message."""
        self._sends.put(b"".join(parts))

    def receive(self, timeout: float | None = None) -> Buffer | None:
        """The next message, or None after `timeout` seconds."""
        return self._receives.get(timeout)

    def close(self) -> None:
        """Close both directions for both ends."""
        self._sends.close()
        self._receives.close()


def blocking_pair(
    first: str = "first", second: str = "second", *, capacity: int = 64
) -> tuple[MemoryBlockingLink, MemoryBlockingLink]:
    """Two ends that are linked; the first one's peer is the second. At most `capacity` messages wait per direction."""
    there, back = _Pipe(capacity), _Pipe(capacity)
    return (
        MemoryBlockingLink(_peer(second), there, back),
        MemoryBlockingLink(_peer(first), back, there),
    )


def memory_rings(stages: int, *, capacity: int = 64) -> list[Ring]:
    """The rings of a pipeline's stages, linked in a circle; one stage has no links."""
    if stages == 1:
        return [Ring()]
    pairs = [blocking_pair(str(at), str((at + 1) % stages), capacity=capacity) for at in range(stages)]
    return [Ring(incoming=pairs[at - 1][1], outgoing=pairs[at][0]) for at in range(stages)]


def _peer(name: str) -> Peer:
    return Peer(node_id=NodeId("memory"), role=f"runner:{name}")


def _closed() -> LinkClosed:
    message = "the memory link is closed"
    return LinkClosed(message)
