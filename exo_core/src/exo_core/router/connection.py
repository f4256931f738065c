"""One live link to a peer: what goes out over it, what comes in, and whether it still lives."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Final, Protocol, final

from exo_core.clock import Clock
from exo_core.errors import LinkClosed, WireError
from exo_core.messaging import Priority
from exo_core.placement import RELAY
from exo_core.router.connection_streams import ConnectionStreams
from exo_core.router.credit import window_of
from exo_core.router.liveness import Liveness
from exo_core.router.outbox import Outbox
from exo_core.router.questions import ANSWERED, FAILED, Questions
from exo_core.router.settings import RouterSettings
from exo_core.router.streams import RouterStream
from exo_core.router.traffic import PeerTraffic
from exo_core.transports import Buffer, Link, Ticket
from exo_core.wire.assembly import Assembly
from exo_core.wire.frames import (
    CLOSE,
    CREDIT,
    DATA,
    GOODBYE,
    MESSAGE,
    MOVED,
    OPEN,
    PING,
    PONG,
    QUESTION,
    REPLY,
    UNIT_BYTES,
    Frame,
    fragments,
    header,
    parse,
    split_name,
    text,
    with_name,
)
from exo_core.wire.hello import Hello

logger = logging.getLogger(__name__)

PRIORITIES: Final[tuple[Priority, ...]] = ("control", "tokens", "bulk")
"""In an OPEN frame a priority is its place here."""


class Inbound(Protocol):
    """Who gets what comes in. None of these may block; each may raise `WireError`."""

    def message(self, connection: Connection, name: str, body: bytes) -> None:
        """A message of a topic."""
        ...

    def question(self, connection: Connection, call_id: int, name: str, body: bytes) -> None:
        """A question, to be answered by `connection.reply` in its own time."""
        ...

    def stream(self, stream: RouterStream, name: str, opening: bytes) -> None:
        """A stream that the peer opened."""
        ...


@final
class Connection:
    """A link after its handshake. `run` moves its frames until it dies; everything else only queues.

    `own_number` and `peer_number` are the numbers of the two introductions, by which links of one pair are told apart;
    `ticket` is the one that this node dialled, None on the other side.
    """

    def __init__(
        self,
        link: Link,
        hello: Hello,
        *,
        ticket: Ticket | None,
        own_number: int,
        inbound: Inbound,
        clock: Clock,
        settings: RouterSettings,
        traffic: PeerTraffic,
    ) -> None:
        self.link = link
        self.hello = hello
        self.own_number = own_number
        self.peer_number = hello.link_number
        self.liveness = Liveness(clock)
        self.ended = asyncio.Event()
        self.ticket = ticket
        self.has_moved = False
        """A better link took its place: it is closed once nothing is open on it."""
        self.peer_moved = asyncio.Event()
        """Nothing new of the peer comes over this one any more; also set when it ended."""
        self.said_goodbye = False
        """The peer closed on purpose: it is not coming back at once."""
        self.answering = 0
        """Questions of the peer that are being worked on."""
        self.dropped = 0
        """Messages refused because too much waited."""
        self._clock = clock
        self._settings = settings
        self._traffic = traffic
        self._inbound = inbound
        self._outbox = Outbox(settings.queue_bytes)
        self._assembly = Assembly()
        self._questions = Questions()
        self._streams = ConnectionStreams(
            hello.node_id, self._outbox, first_id=2 if ticket is None else 1, limit=settings.streams_per_link
        )
        self._last_message = 0
        self._after: Connection | None = None
        self._end_reason: str | None = None
        self._stopping = asyncio.Event()

    def __repr__(self) -> str:
        state = self._end_reason or "live"
        return f"Connection({self.hello.name} over {self.link.transport} {self.link.address}, {state})"

    @property
    def is_live(self) -> bool:
        """Whether anything can still go over it."""
        return self._end_reason is None

    @property
    def is_relayed(self) -> bool:
        """Whether it runs over a third node."""
        return self.link.transport == RELAY

    def take_over_from(self, worse: Connection) -> None:
        """Be read only after what the peer sent over `worse` before it moved: so its messages stay in order."""
        self._after = worse
        worse.move()

    def move(self) -> None:
        """Nothing new goes over this link: tell the peer. It lives on for what is open."""
        self.has_moved = True
        self._outbox.push("last", Frame(MOVED, 0))

    def send(self, priority: Priority, name: str, body: bytes) -> bool:
        """Queue a message; False when too much waits or the link is dead. Raises `ValueError` above 1 MiB."""
        self._last_message = (self._last_message + 1) % 2**32
        return self._offer(MESSAGE, self._last_message, priority, with_name(name, body))

    async def ask(self, priority: Priority, name: str, body: bytes, timeout: float) -> bytes:
        """The reply. Raises `LinkClosed`, `TimeoutError`, `CallFailed`."""
        call_id, reply = self._questions.new()
        try:
            if not self._offer(QUESTION, call_id, priority, with_name(name, body)):
                message = self._end_reason or f"too much waits for {self.hello.name} already"
                raise LinkClosed(message)
            async with asyncio.timeout(timeout):
                return await reply
        finally:
            self._questions.drop(call_id)

    def reply(self, call_id: int, priority: Priority, body: bytes, *, failed: bool = False) -> bool:
        """Answer a question. False when it could not be queued."""
        return self._offer(REPLY, call_id, priority, (FAILED if failed else ANSWERED) + body)

    def open_stream(self, name: str, opening: Buffer, priority: Priority) -> RouterStream:
        """A new stream. Raises `LinkClosed`, `ValueError` for an opening above 1 MiB."""
        if self._end_reason is not None:
            raise LinkClosed(self._end_reason)
        payload = bytes((PRIORITIES.index(priority),)) + with_name(name, opening)
        _check_size(payload)
        stream = self._streams.opened_here(priority, window_of(name))
        for frame in fragments(OPEN, stream.id, payload):
            self._outbox.push(priority, frame)
        return stream

    async def probe(self) -> bool:
        """Whether the peer still answers, asked now."""
        heard = self.liveness.next_word()
        self._outbox.push("control", self.liveness.ping())
        try:
            async with asyncio.timeout(self._settings.probe_timeout):
                await heard.wait()
        except TimeoutError:
            return False
        return self.is_live

    def stop(self, reason: str) -> None:
        """Give the link up; `run` returns soon. What was queued is lost."""
        self._end(reason)
        self._stopping.set()

    async def say_goodbye(self, reason: str) -> None:
        """Send what is queued and a goodbye, then stop; soon, even when the peer does not read."""
        if self._end_reason is None:
            self._outbox.push("last", Frame(GOODBYE, 0, reason.encode()))
            try:
                async with asyncio.timeout(self._settings.goodbye_timeout):
                    await self.ended.wait()
            except TimeoutError:
                self.stop(reason)

    async def run(self) -> str:
        """Move frames until the link dies; why it did. Streams and questions end with it."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for work in (self._send_frames(), self._receive_frames(), self._watch(), self._until_stopped()):
                    tasks.create_task(work)
        except* LinkClosed as closed:
            self._end(str(closed.exceptions[0]))
        except* WireError as broken:
            logger.warning(
                "%s (%s) broke the wire format: %s", self.hello.name, self.hello.node_id, broken.exceptions[0]
            )
            self._end(f"it broke the wire format: {broken.exceptions[0]}")
        finally:
            self._end("the router stopped")
            self.ended.set()
            self.peer_moved.set()
            await self.link.close()
        return self._end_reason or ""

    async def _send_frames(self) -> None:
        while True:
            frame = self._outbox.pop()
            if frame is None:
                await self._outbox.filled()
                continue
            head = header(frame)
            await self.link.send(head, frame.payload)
            self._traffic.sent += len(head) + len(frame.payload)
            if frame.kind == GOODBYE:
                message = "this side said goodbye"
                raise LinkClosed(message)

    async def _receive_frames(self) -> None:
        await self._until_peer_moved()
        while True:
            received = await self.link.receive()
            self._traffic.received += len(received)
            frame = parse(received)
            self.liveness.heard()
            self._take(frame)

    async def _until_peer_moved(self) -> None:
        if self._after is not None:
            with contextlib.suppress(TimeoutError):  # it says nothing any more: then nothing more comes from there
                async with asyncio.timeout(self._settings.goodbye_timeout):
                    await self._after.peer_moved.wait()
            self._after = None

    async def _watch(self) -> None:
        """Ping, and give the link up when nothing comes; not when this process itself was held up meanwhile."""
        interval = self._settings.ping_interval
        woken = self._clock.now()
        while True:
            self._outbox.push("control", self.liveness.ping())
            await self._clock.sleep(interval)
            now = self._clock.now()
            if now - woken > 2 * interval:
                self.liveness.excuse()
            woken = now
            if self.liveness.silence() > self._settings.dead_after:
                message = f"nothing came from it for {self.liveness.silence():.1f} s"
                raise LinkClosed(message)
            if self.has_moved and self.peer_moved.is_set() and self._is_idle:
                self._outbox.push("last", Frame(GOODBYE, 0, b"a better link took its place"))

    @property
    def _is_idle(self) -> bool:
        return not (self._streams.count or self._questions.count or self.answering)

    async def _until_stopped(self) -> None:
        await self._stopping.wait()
        raise LinkClosed(self._end_reason or "stopped")

    def _take(self, frame: Frame) -> None:
        if frame.kind in (DATA, CREDIT, CLOSE):
            self._streams.take(frame)
        elif frame.kind in (MESSAGE, QUESTION, REPLY, OPEN):
            payload = self._assembly.add(frame)
            if payload is not None:
                self._take_unit(frame.kind, frame.id, payload)
        elif frame.kind == PING:
            self._outbox.push("control", Frame(PONG, 0, frame.payload))
        elif frame.kind == PONG:
            self.liveness.pong(bytes(frame.payload))
        elif frame.kind == MOVED:
            self.peer_moved.set()
        else:
            self.said_goodbye = True
            message = f"it said goodbye: {text(frame.payload)}"
            raise LinkClosed(message)

    def _take_unit(self, kind: int, unit_id: int, payload: bytes) -> None:
        if kind == MESSAGE:
            self._inbound.message(self, *split_name(payload))
        elif kind == QUESTION:
            self._inbound.question(self, unit_id, *split_name(payload))
        elif kind == REPLY:
            self._questions.take(unit_id, payload)
        else:
            self._take_opening(unit_id, payload)

    def _take_opening(self, stream_id: int, payload: bytes) -> None:
        if not payload or payload[0] >= len(PRIORITIES):
            message = "a stream of unknown priority"
            raise WireError(message)
        name, opening = split_name(payload[1:])
        stream = self._streams.opened_there(stream_id, PRIORITIES[payload[0]], window_of(name))
        self._inbound.stream(stream, name, opening)

    def _offer(self, kind: int, unit_id: int, priority: Priority, payload: bytes) -> bool:
        _check_size(payload)
        taken = self._end_reason is None and self._outbox.offer(priority, list(fragments(kind, unit_id, payload)))
        self.dropped += not taken
        return taken

    def _end(self, reason: str) -> None:
        if self._end_reason is None:
            self._end_reason = f"the link to {self.hello.name} ({self.hello.node_id}) ended: {reason}"
            self._questions.end(self._end_reason)
            self._streams.end(self._end_reason)


def _check_size(payload: bytes) -> None:
    if len(payload) > UNIT_BYTES:
        message = f"{len(payload)} bytes are more than one message may have (1 MiB): use a stream"
        raise ValueError(message)
