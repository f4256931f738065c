"""How fast is a link over WebRTC, against aiortc alone and against TCP? And how late is what is urgent behind bulk?

Two processes on this machine, by turns over each of the three, several times; medians and ratios.
Run: `python exo_transport_webrtc/benchmarks/link_speed.py [--turns 5] [--megabytes 24] [--rounds 300]`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Protocol, cast

from aiortc import RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.rtcconfiguration import RTCConfiguration

from exo_core.errors import LinkClosed
from exo_core.identifiers import NodeId
from exo_core.identity.leaf import node_identity
from exo_core.identity.node_key import NodeKey
from exo_core.identity.secret import ClusterSecret
from exo_core.transports import Buffer, Link, Peer, Ticket, TransportContext
from exo_transport_tcp.transport import TcpTransport
from exo_transport_webrtc.transport import WebrtcTransport

WAYS = ("webrtc", "aiortc", "tcp")
FRAME_BYTES = 64 * 1024
"""The frames in which a router sends bulk."""

BARE_MESSAGE_BYTES = 16 * 1024
BARE_BUFFERED_BYTES = 256 * 1024
HEARTBEAT_SECONDS = 0.25
BULK_IS_OVER = b"over"


class Talk(Protocol):
    """What is measured: a link, or as much like one as aiortc alone gives."""

    async def send(self, *parts: Buffer) -> None: ...

    async def receive(self) -> Buffer: ...


class BareChannel:
    """A data channel of aiortc, with the backpressure that its own examples have."""

    def __init__(self, channel: RTCDataChannel) -> None:
        self._channel = channel
        self._arrived: asyncio.Queue[bytes] = asyncio.Queue()
        self._room = asyncio.Event()
        channel.bufferedAmountLowThreshold = BARE_BUFFERED_BYTES // 2
        channel.on("message", self._arrived.put_nowait)
        channel.on("bufferedamountlow", self._room.set)

    async def send(self, *parts: Buffer) -> None:
        """Large ones in several messages: they are only counted."""
        whole = b"".join(parts)
        for start in range(0, len(whole), BARE_MESSAGE_BYTES):
            self._channel.send(whole[start : start + BARE_MESSAGE_BYTES])
            if self._channel.bufferedAmount > BARE_BUFFERED_BYTES:
                self._room.clear()
                await self._room.wait()

    async def receive(self) -> Buffer:
        return await self._arrived.get()


class Lines:
    """The `Signaller` of both processes: a line of JSON each way."""

    def __init__(self, reader: asyncio.StreamReader, write: Callable[[bytes], object]) -> None:
        self._reader = reader
        self._write = write

    async def say(self, *words: str) -> None:
        self._write(json.dumps(words).encode() + b"\n")

    async def hear(self) -> list[str]:
        line = await self._reader.readline()
        if not line:
            await asyncio.Event().wait()
        return cast("list[str]", json.loads(line))

    async def send(self, peer: Peer, message: bytes) -> None:
        await self.say(peer.node_id, peer.role, message.hex())

    async def receive(self) -> tuple[Peer, bytes]:
        node_id, role, message = await self.hear()
        return Peer(node_id=cast("NodeId", node_id), role=role), bytes.fromhex(message)


# the process that answers ---------------------------------------------------------------------------------------------


async def answer(talk: Talk) -> None:
    """Small messages come back; bulk is counted, and heartbeats in it are noted, until it is over."""
    lateness: list[float] = []
    with contextlib.suppress(LinkClosed):
        while True:
            message = bytes(await talk.receive())
            if message.startswith(b"due "):
                lateness.append(time.monotonic() - float(message[4:]))
            elif message == BULK_IS_OVER:
                await talk.send(json.dumps(lateness).encode())
                lateness = []
            elif len(message) < BARE_MESSAGE_BYTES // 2 + 1:
                await talk.send(message)


async def standard_streams() -> Lines:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)

    def write(line: bytes) -> None:
        _ = sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()

    return Lines(reader, write)


async def serve(way: str) -> None:
    """Until killed."""
    lines = await standard_streams()
    if way == "aiortc":
        await serve_bare(lines)
        return
    (secret,) = await lines.hear()
    async with transport_of(way, secret, lines).serve(answer) as listening:
        await lines.say(listening.tickets[0])
        await asyncio.Event().wait()


async def serve_bare(lines: Lines) -> None:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    opened: asyncio.Queue[RTCDataChannel] = asyncio.Queue()
    connection.on("datachannel", opened.put_nowait)
    await connection.setRemoteDescription(RTCSessionDescription((await lines.hear())[0], "offer"))
    await connection.setLocalDescription(await connection.createAnswer())
    await lines.say(connection.localDescription.sdp)
    await answer(BareChannel(await opened.get()))


# the process that asks ------------------------------------------------------------------------------------------------


def transport_of(way: str, secret: str, lines: Lines) -> WebrtcTransport | TcpTransport:
    """A transport of a new node of that cluster."""
    identity = node_identity(ClusterSecret.from_hex(secret).authority, NodeKey.generate())
    if way == "tcp":
        return TcpTransport(TransportContext(identity=identity, listen="127.0.0.1:0"))
    return WebrtcTransport(TransportContext(identity=identity, signaller=lines))


@asynccontextmanager
async def talking(way: str) -> AsyncGenerator[Talk]:
    """A talk with a fresh process."""
    command = [sys.executable, __file__, "--answer", way]
    other = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    try:
        yield await (bare_talk(other) if way == "aiortc" else link_to(way, other))
    finally:
        other.kill()
        await other.wait()


def lines_of(other: Process) -> Lines:
    if other.stdout is None or other.stdin is None:
        raise RuntimeError
    return Lines(other.stdout, other.stdin.write)


async def link_to(way: str, other: Process) -> Link:
    lines, secret = lines_of(other), ClusterSecret.generate().reveal().hex()
    await lines.say(secret)
    (ticket,) = await lines.hear()
    return await transport_of(way, secret, lines).connect(Ticket(ticket))


async def bare_talk(other: Process) -> Talk:
    lines, connection = lines_of(other), RTCPeerConnection(RTCConfiguration(iceServers=[]))
    channel, opened = connection.createDataChannel("bare"), asyncio.Event()
    channel.on("open", opened.set)
    await connection.setLocalDescription(await connection.createOffer())
    await lines.say(connection.localDescription.sdp)
    await connection.setRemoteDescription(RTCSessionDescription((await lines.hear())[0], "answer"))
    await opened.wait()
    return BareChannel(channel)


async def bulk(talk: Talk, megabytes: int) -> dict[str, float]:
    """MB/s of bulk, with a heartbeat in between whenever one is due; how late these were, in ms."""
    frame, begun = bytes(FRAME_BYTES), time.monotonic()
    due = begun + HEARTBEAT_SECONDS
    for _ in range(megabytes * 1_000_000 // FRAME_BYTES):
        if time.monotonic() >= due:
            await talk.send(f"due {due}".encode())
            due += HEARTBEAT_SECONDS
        await talk.send(frame)
    await talk.send(BULK_IS_OVER)
    lateness = cast("list[float]", json.loads(bytes(await talk.receive()))) or [0.0]
    speed = megabytes / (time.monotonic() - begun)
    return {"MB/s": speed, "late p50 ms": statistics.median(lateness) * 1e3, "late max ms": max(lateness) * 1e3}


async def round_trips(talk: Talk, rounds: int) -> dict[str, float]:
    """Median ms there and back."""
    found: dict[str, float] = {}
    for size in (32, 8 * 1024):
        seconds: list[float] = []
        for _ in range(rounds):
            begun = time.perf_counter()
            await talk.send(bytes(size))
            _ = await talk.receive()
            seconds.append(time.perf_counter() - begun)
        found[f"{size} B ms"] = statistics.median(seconds) * 1e3
    return found


async def measure(turns: int, megabytes: int, rounds: int) -> None:
    """Print each way's medians over all turns, and how ours compares."""
    runs: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for _ in range(turns):
        for way in WAYS:
            async with talking(way) as talk:
                runs[way].append(await round_trips(talk, rounds) | await bulk(talk, megabytes))
    medians = {
        way: {name: statistics.median(run[name] for run in found) for name in found[0]} for way, found in runs.items()
    }
    for way, figures in medians.items():
        print(f"{way:7}", "  ".join(f"{name} {value:8.2f}" for name, value in figures.items()))
    print("against aiortc alone, turn by turn (more is better):")
    for name in ("MB/s", *(name for name in medians["webrtc"] if name.endswith("B ms"))):
        turns_of = zip(runs["webrtc"], runs["aiortc"], strict=True)
        ratios = [ours[name] / bare[name] if name == "MB/s" else bare[name] / ours[name] for ours, bare in turns_of]
        print(f"{name:9} {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


def main() -> None:
    """Ask, or with `--answer` be the process that is asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    _ = parser.add_argument("--turns", type=int, default=5)
    _ = parser.add_argument("--megabytes", type=int, default=24)
    _ = parser.add_argument("--rounds", type=int, default=300)
    _ = parser.add_argument("--answer", choices=WAYS)
    options = parser.parse_args()
    work: Coroutine[object, object, None]
    work = serve(options.answer) if options.answer else measure(options.turns, options.megabytes, options.rounds)
    asyncio.run(work)


if __name__ == "__main__":
    main()
