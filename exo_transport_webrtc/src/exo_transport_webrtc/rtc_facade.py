"""The one module that touches aiortc and aioice: a path between two parties, with one data channel on it.

ICE finds addresses that reach each other (aioice), DTLS encrypts and proves the certificates whose fingerprints were
exchanged, SCTP makes packets a reliable and ordered channel (aiortc). We put the three together ourselves instead of by
`RTCPeerConnection`, whose session descriptions say a hundred things that we have no use for and would have to check.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from asyncio.trsock import TransportSocket
from collections.abc import Callable
from typing import Final, cast, final

from aioice import Candidate as IceCandidate
from aioice import Connection, stun
from aioice.ice import StunProtocol
from aiortc import (
    RTCCertificate,
    RTCDataChannel,
    RTCDataChannelParameters,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    RTCIceTransport,
    RTCSctpCapabilities,
    RTCSctpTransport,
)

from exo_core.errors import AuthenticationError, ConnectError
from exo_transport_webrtc.path_description import MOST_CANDIDATES, Candidate, PathDescription
from exo_transport_webrtc.refusals import ask_for_refusals, take_refusals
from exo_transport_webrtc.webrtc_settings import StunServer, WebrtcSettings

GATHER_SECONDS = 2
"""How long servers that help us to be reached may take to answer."""

SILENT_SECONDS = 60.0
"""How long a server that did not answer is not asked again: where UDP is blocked, each link would wait for it."""

STAY_SECONDS = 8.0
"""How often a packet goes out while a person carries messages: NATs forget who was silent for 30 seconds."""

CLOSE_SECONDS = 1.0
CHANNEL_NUMBER = 0
SCTP_PORT = 5000
LARGEST_FRAGMENT_BYTES = 256 * 1024
"""So much at once every implementation takes."""


for _name in ("aioice", "aiortc"):  # they tell of every check and every packet
    logging.getLogger(_name).setLevel(logging.WARNING)

_CLOSING: Final[set[asyncio.Future[None]]] = set()
"""An event loop keeps no task alive."""


_SILENT_UNTIL: Final[dict[StunServer, float]] = {}


@final
class _QuickConnection(Connection):
    """Does not wait longer than we do for servers that do not answer."""

    async def get_component_candidates(
        self, component: int, addresses: list[str], timeout: int = GATHER_SECONDS
    ) -> list[IceCandidate]:
        return await super().get_component_candidates(component, addresses, min(timeout, GATHER_SECONDS))


@final
class _IceTransport:
    """As much of aiortc's `RTCIceTransport` as its DTLS asks for."""

    def __init__(self, connection: Connection) -> None:
        self.role = "controlling" if connection.ice_controlling else "controlled"
        self._recv = connection.recv
        self._send = connection.send


@final
class Path:
    """One side of a path. `gather`, exchange descriptions, `connect`; `close` at any time."""

    def __init__(self, settings: WebrtcSettings, *, calls: bool) -> None:
        """`calls`: this side is the one that wants the path; the two must differ in it."""
        turn, stun = settings.turn, _answering(settings.stun)
        self._stun = stun
        self._connection = _QuickConnection(
            ice_controlling=calls,
            stun_server=(stun.host, stun.port) if stun else None,
            turn_server=(turn.host, turn.port) if turn else None,
            turn_username=turn.user if turn else None,
            turn_password=turn.password if turn else None,
            turn_ssl=turn.tls if turn else False,
            turn_transport=turn.transport if turn else "udp",
        )
        self._certificate = RTCCertificate.generateCertificate()
        self._dtls: RTCDtlsTransport | None = None
        self._sctp: RTCSctpTransport | None = None
        self._channel: RTCDataChannel | None = None
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._gathering: asyncio.Future[None] | None = None
        self._closing: asyncio.Future[None] | None = None
        self._staying: asyncio.Task[None] | None = None
        self._early: list[bytes] = []
        self._on_message: Callable[[bytes], None] = self._early.append
        self.on_room: Callable[[], None] = lambda: None
        self.on_lost: Callable[[], None] = lambda: None
        self.on_refused: Callable[[], None] = lambda: None
        """Told when the other machine says that nobody is there any more; anybody could say that in its name."""

    def start_gathering(self) -> None:
        """Begin with what `gather` waits for."""
        if self._gathering is None:  # never cancelled: what a TURN server has given must be given back
            self._gathering = asyncio.ensure_future(self._connection.gather_candidates())

    async def gather(self) -> PathDescription:
        """Where this side might be reached. Raises `ConnectError` when it has no address at all."""
        self.start_gathering()
        if self._gathering is not None:
            await asyncio.shield(self._gathering)
        self._note_silence()
        found = sorted(self._connection.local_candidates, key=lambda item: item.type == "host")
        if not found:
            message = "this machine has no network address but its own loopback, and webrtc needs one"
            raise ConnectError(message)
        return PathDescription(
            fingerprint=self._fingerprint(),
            username=self._connection.local_username,
            password=self._connection.local_password,
            candidates=tuple(_described(item) for item in found[:MOST_CANDIDATES]),
        )

    def stay_reachable(self) -> None:
        """Keep the addresses that were gathered good until the path is connected or closed."""
        self._staying = self._staying or asyncio.ensure_future(self._stay())

    async def connect(self, other: PathDescription, *, patient: bool = False) -> None:
        """Make the path and its channel. Raises `ConnectError`, `AuthenticationError` for another certificate.

        May take for ever: whoever calls it has to bound it. `patient`: it never says that no addresses reach each
        other, since the other side may begin much later, or from addresses that it does not name, as browsers do.
        """
        await self._find_addresses(other, patient=patient)
        dtls = self._dtls = RTCDtlsTransport(
            cast("RTCIceTransport", _IceTransport(self._connection)), [self._certificate]
        )
        await dtls.start(RTCDtlsParameters(fingerprints=[RTCDtlsFingerprint("sha-256", _colons(other.fingerprint))]))
        if dtls.state != "connected":
            raise _refusal(certificate_came=dtls.encrypted)
        dtls.on("statechange", self._dtls_changed)
        self._sctp = RTCSctpTransport(dtls, SCTP_PORT)
        self._channel = self._new_channel(self._sctp)
        await self._sctp.start(RTCSctpCapabilities(maxMessageSize=LARGEST_FRAGMENT_BYTES), SCTP_PORT)
        await self._opened

    @property
    def buffered(self) -> int:
        """Bytes that wait before SCTP; `on_room` tells when few are left."""
        return self._channel.bufferedAmount if self._channel else 0

    @property
    def is_open(self) -> bool:
        """Whether `send` may be called."""
        return self._channel is not None and self._channel.readyState == "open"

    def hear(self, on_message: Callable[[bytes], None]) -> None:
        """Call this with each fragment; at once with those that came before: the other side may speak before us."""
        early, self._early = self._early, []
        self._on_message = on_message
        for message in early:
            on_message(message)

    def send(self, data: bytes) -> None:
        """Queue a fragment of at least one byte; nothing happens once the path is lost."""
        if self._channel is not None and self._channel.readyState == "open":
            self._channel.send(data)

    def call_when_below(self, amount: int) -> None:
        """From how few buffered bytes on `on_room` is called."""
        if self._channel is not None:
            self._channel.bufferedAmountLowThreshold = amount

    @property
    def addresses(self) -> tuple[tuple[str, int, str], tuple[str, int, str]] | None:
        """Ours and theirs, each with its port and kind (host, srflx, prflx, relay), once connected."""
        pair = next(iter(self._nominated().values()), None)
        if pair is None:
            return None
        ours, theirs = pair.local_candidate, pair.remote_candidate
        return (ours.host, ours.port, ours.type), (theirs.host, theirs.port, theirs.type)

    async def close(self) -> None:
        """Give everything back. May be called any number of times; takes few seconds at most."""
        await asyncio.shield(self.close_soon())

    def close_soon(self) -> asyncio.Future[None]:
        """The same without waiting for it."""
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close())
            _CLOSING.add(self._closing)
            self._closing.add_done_callback(_CLOSING.discard)
        return self._closing

    # inside ----------------------------------------------------------------------------------------------------------

    async def _find_addresses(self, other: PathDescription, *, patient: bool) -> None:
        self._connection.remote_username = other.username
        self._connection.remote_password = other.password
        for item in other.candidates:
            await self._connection.add_remote_candidate(
                IceCandidate(item.foundation, 1, "udp", item.priority, item.address, item.port, item.kind)
            )
        if not patient:  # what is tried in vain fails once all addresses of the other side are known
            await self._connection.add_remote_candidate(None)
        try:
            await self._connection.connect()
            self._hear_refusals()
        except ConnectionError as problem:
            message = "no pair of addresses of the two sides reaches each other (a TURN server would)"
            raise ConnectError(message) from problem

    def _hear_refusals(self) -> None:
        """A machine on which a process was killed answers that the port is unreachable."""
        protocol = next(iter(self._nominated().values())).protocol
        link_socket: object = protocol.transport.get_extra_info("socket")
        if isinstance(link_socket, TransportSocket):  # not one of a TURN server's
            ask_for_refusals(link_socket)
            protocol.error_received = lambda exc: self._refused(link_socket)

    def _refused(self, link_socket: TransportSocket) -> None:
        take_refusals(link_socket)
        self.on_refused()

    async def _stay(self) -> None:
        """Go out again and again by every socket: through our NAT, and to where the other side may come from."""
        while not self._nominated():
            servers = await self._stun_addresses()
            for protocol in self._sockets():
                ours = protocol.local_candidate
                theirs = [item for item in self._connection.remote_candidates if ours.can_pair_with(item)]
                targets = [(item.host, item.port) for item in theirs]
                targets += servers if ours.type == "host" and ":" not in ours.host else []
                for target in targets:
                    with contextlib.suppress(OSError):
                        protocol.send_stun(stun.Message(stun.Method.BINDING, stun.Class.INDICATION), target)
            await asyncio.sleep(STAY_SECONDS)

    async def _stun_addresses(self) -> list[tuple[str, int]]:
        if self._stun is None:
            return []
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                self._stun.host, self._stun.port, family=socket.AF_INET, type=socket.SOCK_DGRAM
            )
        except OSError:
            return []
        return [(str(address[0]), int(address[1])) for *_, address in found[:1]]

    def _note_silence(self) -> None:
        if self._stun is not None and not any(item.type == "srflx" for item in self._connection.local_candidates):
            _SILENT_UNTIL[self._stun] = time.monotonic() + SILENT_SECONDS

    def _new_channel(self, sctp: RTCSctpTransport) -> RTCDataChannel:
        parameters = RTCDataChannelParameters(label="exo", negotiated=True, id=CHANNEL_NUMBER)
        channel = RTCDataChannel(sctp, parameters)
        channel.on("open", self._is_open)
        channel.on("message", self._took)
        channel.on("bufferedamountlow", lambda: self.on_room())
        channel.on("close", self._is_lost)
        return channel

    def _took(self, data: bytes | str) -> None:
        self._on_message(data if isinstance(data, bytes) else b"")

    def _is_open(self) -> None:
        if not self._opened.done():
            self._opened.set_result(None)

    def _dtls_changed(self) -> None:
        if self._dtls is not None and self._dtls.state in ("closed", "failed"):
            self._is_lost()

    def _is_lost(self) -> None:
        if not self._opened.done():
            self._opened.set_exception(ConnectError("the other side closed the connection while it was being made"))
            _ = self._opened.exception()  # whoever waits sees it; nobody may be waiting any more
        self.on_lost()

    async def _close(self) -> None:
        if self._staying is not None:
            self._staying.cancel()
        if self._gathering is not None:
            await asyncio.wait([self._gathering])
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(CLOSE_SECONDS):
                if self._sctp is not None:
                    await self._sctp.stop()
                if self._dtls is not None:
                    await self._dtls.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._connection.close()

    def _fingerprint(self) -> bytes:
        prints = {item.algorithm: item.value for item in self._certificate.getFingerprints()}
        return bytes.fromhex(prints["sha-256"].replace(":", ""))

    def _nominated(self) -> dict[int, _Pair]:
        return cast("dict[int, _Pair]", getattr(self._connection, "_nominated"))  # noqa: B009  not offered otherwise

    def _sockets(self) -> list[StunProtocol]:
        return list(cast("list[StunProtocol]", getattr(self._connection, "_protocols")))  # noqa: B009  not offered


@final
class _Pair:
    """The part of aioice's pair of candidates that we read."""

    protocol: StunProtocol
    local_candidate: IceCandidate
    remote_candidate: IceCandidate


def _refusal(*, certificate_came: bool) -> ConnectError:
    """A break while hands are shaken proves nothing against anybody; another certificate than promised does."""
    if certificate_came:
        return AuthenticationError(
            "the other side showed another certificate than the one whose fingerprint was signed"
        )
    return ConnectError("the other side broke off while the connection was being encrypted")


def _answering(server: StunServer | None) -> StunServer | None:
    """None for one that did not answer lately."""
    return None if server is None or time.monotonic() < _SILENT_UNTIL.get(server, 0.0) else server


def _described(item: IceCandidate) -> Candidate:
    kind = "relay" if item.type == "relay" else "srflx" if item.type == "srflx" else "host"
    return Candidate(kind=kind, address=item.host, port=item.port, priority=item.priority, foundation=item.foundation)


def _colons(fingerprint: bytes) -> str:
    return ":".join(f"{byte:02X}" for byte in fingerprint)
