"""One end of a stream: messages out as credit allows, messages in as they become whole."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol, final

from exo_core.errors import LinkClosed, WireError
from exo_core.identifiers import NodeId
from exo_core.messaging import Priority
from exo_core.router.credit import WINDOW, ReceiveCredit, SendCredit, cost
from exo_core.transports import MAXIMUM_MESSAGE_BYTES, Buffer
from exo_core.wire.frames import CLOSE, CREDIT, DATA, Frame, amount, fragments, text


class FrameSink(Protocol):
    """Where a stream's frames go: a connection, or the other end in the same process."""

    def push(self, turn: Priority, frame: Frame) -> None:
        """Queue a frame; those of one turn stay in order."""
        ...

    def forget(self, stream_id: int) -> None:
        """This end is closed; what still comes for it is dropped."""
        ...


@final
class RouterStream:
    """A `Stream`. Frames come in by `take`, synchronously, from whoever reads the link."""

    def __init__(
        self, peer: NodeId, stream_id: int, priority: Priority, sink: FrameSink, *, window: int = WINDOW
    ) -> None:
        self.peer = peer
        self.id = stream_id
        self._priority: Priority = priority
        self._sink = sink
        self._send_credit, self._receive_credit = SendCredit(window), ReceiveCredit(window)
        self._sending = asyncio.Lock()
        self._credit_waiter: asyncio.Future[None] | None = None
        self._message_waiter: asyncio.Future[None] | None = None
        self._messages: deque[tuple[bytes, int]] = deque()
        self._pieces: list[Buffer] = []
        self._pieces_size = 0
        self._pieces_cost = 0
        self._end: str | None = None

    def __repr__(self) -> str:
        return f"RouterStream({self.id} with {self.peer}, {self._end or 'open'})"

    async def send(self, message: Buffer) -> None:
        whole = bytes(message)  # no copy of what cannot change; the caller may reuse what can
        if len(whole) > MAXIMUM_MESSAGE_BYTES:
            complaint = f"a message of {len(whole)} bytes is larger than {MAXIMUM_MESSAGE_BYTES}"
            raise ValueError(complaint)
        async with self._sending:
            begun = False
            try:
                for frame in fragments(DATA, self.id, whole):
                    await self._spend(cost(frame))
                    self._sink.push(self._priority, frame)
                    begun = frame.more
            except asyncio.CancelledError:
                if begun:  # the other side can make nothing of half a message
                    self.give_up("its writer gave up within a message")
                raise

    async def receive(self) -> bytes:
        while not self._messages:
            if self._end is not None:
                raise LinkClosed(self._end)
            self._free_pieces()  # a message larger than the window comes only as long as somebody waits for it
            self._message_waiter = asyncio.get_running_loop().create_future()
            try:
                await self._message_waiter
            finally:
                self._message_waiter = None
        message, held = self._messages.popleft()
        self._free(held)
        return message

    async def close(self) -> None:
        self.give_up("closed by the other side")

    def take(self, frame: Frame) -> None:
        """A frame of this stream arrived. Raises `WireError`."""
        if frame.kind == DATA:
            self._take_data(frame)
        elif frame.kind == CREDIT:
            self._send_credit.grant(amount(frame.payload))
            _fulfil(self._credit_waiter)
        else:
            self.end(text(frame.payload) or "the stream was closed")
            self._sink.forget(self.id)

    def end(self, reason: str) -> None:
        """Nothing more comes or goes; what had arrived can still be read."""
        if self._end is None:
            self._end = reason
            self._pieces.clear()
            _fulfil(self._credit_waiter)
            _fulfil(self._message_waiter)

    def give_up(self, reason: str) -> None:
        """Close it and tell the other side why."""
        if self._end is None:
            self.end("the stream was closed here")
            self._sink.push(self._priority, Frame(CLOSE, self.id, reason.encode()))
            self._sink.forget(self.id)

    async def _spend(self, amount: int) -> None:
        while True:
            if self._end is not None:
                raise LinkClosed(self._end)
            if self._send_credit.spend(amount):
                return
            self._credit_waiter = asyncio.get_running_loop().create_future()
            try:
                await self._credit_waiter
            finally:
                self._credit_waiter = None

    def _take_data(self, frame: Frame) -> None:
        if self._end is not None:
            return
        self._receive_credit.arrived(cost(frame))
        self._pieces_cost += cost(frame)
        if not frame.more and not self._pieces:
            self._deliver(bytes(frame.payload))
            return
        self._pieces.append(frame.payload)
        self._pieces_size += len(frame.payload)
        if self._pieces_size > MAXIMUM_MESSAGE_BYTES:
            message = f"a stream's message has more than {MAXIMUM_MESSAGE_BYTES} bytes"
            raise WireError(message)
        if not frame.more:
            self._deliver(b"".join(self._pieces))
        elif self._message_waiter is not None and not self._messages:
            self._free_pieces()

    def _deliver(self, message: bytes) -> None:
        self._messages.append((message, self._pieces_cost))
        self._pieces = []
        self._pieces_size = self._pieces_cost = 0
        _fulfil(self._message_waiter)

    def _free_pieces(self) -> None:
        held, self._pieces_cost = self._pieces_cost, 0
        self._free(held)

    def _free(self, held: int) -> None:
        grant = self._receive_credit.free(held)
        if grant and self._end is None:
            self._sink.push("control", Frame(CREDIT, self.id, grant.to_bytes(4, "big")))


def _fulfil(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
