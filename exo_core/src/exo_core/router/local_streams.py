"""A stream from a node to itself: the same two ends, with nothing in between."""

from __future__ import annotations

from typing import final

from exo_core.identifiers import NodeId
from exo_core.messaging import Priority
from exo_core.router.streams import RouterStream
from exo_core.wire.frames import Frame


@final
class _Across:
    """Hands one end's frames to the other at once."""

    def __init__(self) -> None:
        self.other: RouterStream | None = None

    def push(self, turn: Priority, frame: Frame) -> None:
        if self.other is not None:
            self.other.take(frame)

    def forget(self, stream_id: int) -> None:
        """Nothing to keep in order here."""


def local_pair(node_id: NodeId, priority: Priority) -> tuple[RouterStream, RouterStream]:
    """Both ends of a stream within this node."""
    there, back = _Across(), _Across()
    opened, accepted = RouterStream(node_id, 1, priority, there), RouterStream(node_id, 1, priority, back)
    there.other, back.other = accepted, opened
    return opened, accepted
