"""A path under asyncio: what happens when fragments come, may go, or the path ends."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Final, final

from exo_core.errors import ConnectError, WireError
from exo_core.link_life import LinkLife
from exo_core.transports import MAXIMUM_MESSAGE_BYTES, Buffer
from exo_transport_webrtc import fragments
from exo_transport_webrtc.fragments import FRAGMENT_BYTES, Assembly
from exo_transport_webrtc.own_addresses import is_ours
from exo_transport_webrtc.rtc_facade import Path
from exo_transport_webrtc.windows import ReceivingWindow, SendingWindow

GREETING: Final = bytes((fragments.WELCOME,)) + b"exo-webrtc/1"
BUFFERED_BYTES: Final = 2 * FRAGMENT_BYTES
"""So much is handed to SCTP before it has to ask for more."""

WAITING_FRAGMENTS: Final = 2
"""So many may wait here before a sender has to."""

BEAT_SECONDS: Final = 1.0
SILENT_SECONDS: Final = 6.0
"""After which the path is given up; the other side says something every second."""

REFUSED_SECONDS: Final = 1.5
"""The same when the other machine says that nobody is there."""

LINGER_SECONDS: Final = 1.0
"""How long the end may take."""


@final
class ChannelProtocol:
    """Moves messages over a connected path."""

    def __init__(self, path: Path, *, largest_message: int = MAXIMUM_MESSAGE_BYTES) -> None:
        self._loop = asyncio.get_running_loop()
        self.welcomed: asyncio.Future[None] = self._loop.create_future()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self.life = LinkLife(lambda: len(self._outgoing) > WAITING_FRAGMENTS)
        self._path = path
        self._addresses = path.addresses
        self._outgoing: deque[bytes] = deque()
        self._sending, self._receiving = SendingWindow(), ReceivingWindow()
        self._assembly = Assembly(largest_message)
        self._discarding = False
        self._heard_at = self._spoke_at = time.monotonic()
        self._patience = SILENT_SECONDS
        path.on_room, path.on_lost = self._pump, self._lost
        path.on_refused = self._refused
        path.call_when_below(BUFFERED_BYTES // 2)
        self._watching = self._loop.create_task(self._watch(), name="watching a webrtc link")
        self._say(GREETING)
        path.hear(self._took)

    @property
    def address(self) -> str:
        """Where the other side is, for people to read."""
        if self._addresses is None:
            return "?"
        (_, _, our_kind), (host, port, their_kind) = self._addresses
        shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return f"{shown} by TURN" if "relay" in (our_kind, their_kind) else shown

    # called by the link ----------------------------------------------------------------------------------------------

    async def arrival(self) -> Buffer:
        """The next message. Raises `LinkClosed` once the link is dead and nothing that had arrived is left."""
        message = await self.life.next()
        self._receiving.read(len(message))
        self._give_credit()
        return message

    def write(self, fragment: bytes) -> None:
        """Send a fragment as soon as it may go."""
        if not self.life.dead:
            self._outgoing.append(fragment)
            self._pump()

    def end(self, reason: str) -> None:
        """The link is dead from now on, for this reason; only the first one counts."""
        if self.life.end(reason) and not self.welcomed.done():
            self.welcomed.set_exception(ConnectError(f"the connection ended while it was being made: {reason}"))
            _ = self.welcomed.exception()  # whoever waits sees it; nobody may be waiting any more

    def finish(self) -> None:
        """Say goodbye after what was sent; what comes is discarded until the other side says it too."""
        if not self.life.dead:
            self._discarding = True
            self.end("this side closed the link")
            self._outgoing.append(bytes((fragments.GOODBYE,)))
            self._pump()

    async def close(self) -> None:
        """Close the path now."""
        self.abandon()
        await self._path.close()

    def abandon(self) -> None:
        """The same without waiting for it."""
        self._break("this side closed the link")
        self._watching.cancel()
        _ = self._path.close_soon()

    # called by the path ----------------------------------------------------------------------------------------------

    def _took(self, fragment: bytes) -> None:
        self._heard_at, self._patience = time.monotonic(), SILENT_SECONDS
        try:
            self._take(fragment)
        except WireError as problem:
            self._break(f"the other side broke the rules: {problem}")

    def _lost(self) -> None:
        self._break("the connection was lost")

    def _refused(self) -> None:
        self._patience = REFUSED_SECONDS

    def _pump(self) -> None:
        """Send what may go now."""
        while self._outgoing and self._sending.has_room and self._path.buffered < BUFFERED_BYTES:
            fragment = self._outgoing.popleft()
            if fragment[0] in (fragments.MORE, fragments.LAST):
                self._sending.sent(len(fragment), time.monotonic())
            self._say(fragment)
        if len(self._outgoing) <= WAITING_FRAGMENTS:
            self.life.wake_sender()

    # inside ----------------------------------------------------------------------------------------------------------

    def _take(self, fragment: bytes) -> None:
        kind = fragment[0] if fragment else -1
        if kind in (fragments.MORE, fragments.LAST):
            self._take_data(fragment)
        elif kind == fragments.CREDIT:
            self._sending.credited(fragments.credited(fragment), self._heard_at)
            self._pump()
        elif kind == fragments.GOODBYE:
            self._take_goodbye()
        elif kind == fragments.WELCOME and fragment == GREETING:
            if not self.welcomed.done():
                self.welcomed.set_result(None)
        elif kind != fragments.BEAT:
            message = "a fragment of a kind or a protocol that this version does not know"
            raise WireError(message)

    def _take_data(self, fragment: bytes) -> None:
        self._receiving.arrived(len(fragment))
        if not self._discarding:
            message = self._assembly.add(fragment)
            if message is not None:
                self._receiving.completed(len(message))
                self.life.deliver(message)
        self._give_credit()

    def _take_goodbye(self) -> None:
        if not self._discarding:  # it was the first to say so
            self._discarding = True
            self._say(bytes((fragments.GOODBYE,)))
            self.end("the other side closed the link")
            self._outgoing.clear()
        self._is_over()

    def _give_credit(self) -> None:
        due = self._receiving.due()
        if due is not None:
            self._say(fragments.credit(due))

    def _say(self, fragment: bytes) -> None:
        self._spoke_at = time.monotonic()
        self._path.send(fragment)

    def _break(self, reason: str) -> None:
        self.end(reason)
        self._discarding = True
        self._outgoing.clear()
        self._is_over()

    def _is_over(self) -> None:
        """Whoever closes the link has nothing to wait for; if nobody does, the path is closed in a moment."""
        if not self.ended.done():
            self.ended.set_result(None)

    @property
    def _lost_address(self) -> str:
        """Our address on the path, if this machine has it no more; that of a relay is another machine's."""
        if self._addresses is None:
            return ""
        host, _, kind = self._addresses[0]
        return host if kind == "host" and not is_ours(host) else ""

    async def _watch(self) -> None:
        """Be heard, and give the path up when it has ended, is silent, or our address on it is gone."""
        woken = time.monotonic()
        while not self.ended.done():
            _ = await asyncio.wait([self.ended], timeout=BEAT_SECONDS)
            now = time.monotonic()
            if now - woken > 2 * BEAT_SECONDS:  # this process was held up: what came meanwhile is not read yet
                self._heard_at = now
            woken = now
            if now - self._spoke_at >= BEAT_SECONDS / 2:
                self._say(bytes((fragments.BEAT,)))
            if now - self._heard_at > self._patience:
                self._break(f"nothing came from the other side for {now - self._heard_at:.0f} s")
            elif self._lost_address:
                self._break(f"this machine has lost its address {self._lost_address}")
        await asyncio.sleep(LINGER_SECONDS)  # for the goodbye to go out
        await self._path.close()
