"""Whatever a stranger sends is refused in one declared way, and takes no more memory than it brought."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import tracemalloc
from collections.abc import Generator

from hypothesis import given, settings
from hypothesis import strategies as st

from exo_core.errors import LinkClosed, WireError
from exo_core.identifiers import NO_EPOCH, BootId, ClusterId, NodeId
from exo_core.runner.messages import FROM_RUNNER, FromRunner, Pong
from exo_core.runner.pipe import node_end
from exo_core.transports import MAXIMUM_MESSAGE_BYTES
from exo_core.wire.assembly import Assembly
from exo_core.wire.codec import encode, encode_model
from exo_core.wire.frames import DATA, FRAME_BYTES, MESSAGE, fragments, header, parse, split_name
from exo_core.wire.handshake import Handshake
from exo_core.wire.hello import Hello, Refusal, Welcome
from exo_transport_tcp.framing import SCRATCH_BYTES, FrameReader, framed

OVERHEAD = 256 * 1024
"""Bytes, for what Python and the test itself take."""
HELLO = Hello(
    exo_version="0.1.0",
    cluster_id=ClusterId("ours"),
    node_id=NodeId("a"),
    boot=BootId(1),
    name="a's machine",
    epoch=NO_EPOCH,
    consistency="availability",
    plugins=("tcp", "mlx"),
    election="bully",
    reducer_fingerprint="f",
)
INTRODUCTIONS = [
    encode_model(message) for message in (HELLO, Welcome.of(HELLO), Refusal.by(HELLO, "membership", "it was forgotten"))
]


@contextlib.contextmanager
def at_most(most: int) -> Generator[None]:
    """What is done here never takes more than that many bytes at once."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= most


def begun(first: int, frame_id: int) -> bytes:
    """A full frame of any kind, most of them of a unit that goes on."""
    return bytes((first,)) + frame_id.to_bytes(4, "big") + bytes(FRAME_BYTES)


def damaged(data: st.DataObject, honest: bytes) -> bytes:
    """Those bytes with some of them changed, gone or new."""
    content = bytearray(honest)
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, len(content)))
        content[place : place + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    return bytes(content)


# units ---------------------------------------------------------------------------------------------------------

sizes = st.integers(0, 40) | st.sampled_from([FRAME_BYTES, FRAME_BYTES + 1, 3 * FRAME_BYTES])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([MESSAGE, DATA]), st.integers(0, 3), sizes), max_size=5), st.data())
def test_damaged_frames_are_units_or_a_wire_error(units: list[tuple[int, int, int]], data: st.DataObject) -> None:
    honest = [
        header(frame) + bytes(frame.payload)
        for kind, frame_id, size in units
        for frame in fragments(kind, frame_id, bytes(size))
    ]
    arrived = [damaged(data, frame) for frame in data.draw(st.permutations(honest))]
    assembly = Assembly()
    with at_most(4 * sum(map(len, arrived)) + OVERHEAD), contextlib.suppress(WireError):
        for frame in arrived:
            if (whole := assembly.add(parse(frame))) is not None:
                split_name(whole)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=60) | st.builds(begun, st.integers(0, 255), st.integers(0, 20)), max_size=30))
def test_any_bytes_are_units_or_a_wire_error(arrived: list[bytes]) -> None:
    assembly = Assembly()
    with at_most(4 * sum(map(len, arrived)) + OVERHEAD), contextlib.suppress(WireError):
        for frame in arrived:
            assembly.add(parse(frame))


# introductions -------------------------------------------------------------------------------------------------


def handshake(side: str) -> Handshake:
    """One that waits for the other side's word."""
    own = HELLO.model_copy(update={"node_id": NodeId("b")})
    if side == "acceptor":
        return Handshake("acceptor", own=own, proven=NodeId("a"), judge=lambda _: None)
    dialler = Handshake("dialler", own=own, proven=NodeId("a"), judge=lambda _: None)
    dialler.begin()
    return dialler


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["dialler", "acceptor"]), st.lists(st.sampled_from(INTRODUCTIONS), max_size=3), st.data())
def test_damaged_introductions_end_as_the_table_says_or_in_a_wire_error(
    side: str, introductions: list[bytes], data: st.DataObject
) -> None:
    one = handshake(side)
    arrived = [damaged(data, introduction) for introduction in introductions]
    with at_most(200 * sum(map(len, arrived)) + OVERHEAD), contextlib.suppress(WireError):
        for introduction in arrived:
            answer = one.receive(introduction)
            assert answer is None or one.state == "refused"
    assert (one.state == "refused") == (one.refusal is not None)


# the TCP transport ---------------------------------------------------------------------------------------------


def read_all(reader: FrameReader, stream: bytes, cut: int) -> list[bytes]:
    """The messages in a stream that arrives in pieces. Raises `WireError`."""
    messages: list[bytes] = []
    rest = memoryview(stream)
    while True:
        while (message := reader.take()) is not None:
            messages.append(bytes(message))
        if not rest:
            return messages
        space = reader.space()
        count = min(len(space), len(rest), cut)
        space[:count] = rest[:count]
        reader.filled(count)
        rest = rest[count:]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.lists(st.binary(max_size=90), max_size=4), st.data())
def test_any_stream_is_messages_or_a_wire_error(noise: bytes, messages: list[bytes], data: st.DataObject) -> None:
    """A link that is not yet trusted has a small maximum; what it announces within that is all that it can take."""
    maximum = 2 * SCRATCH_BYTES
    stream = damaged(data, b"".join(b"".join(framed([message])) for message in messages)) + noise
    cut, reuse = data.draw(st.integers(1, 300)), data.draw(st.booleans())
    with at_most(maximum + SCRATCH_BYTES + 4 * len(stream) + OVERHEAD), contextlib.suppress(WireError):
        assert sum(map(len, read_all(FrameReader(reuse=reuse, maximum=maximum), stream, cut))) <= len(stream)


# the pipe to a runner ------------------------------------------------------------------------------------------


async def heard_by_a_node(stream: bytes) -> list[FromRunner]:
    """What a node takes from a runner that sent these bytes and died."""
    ours, theirs = socket.socketpair()
    pipe = await node_end(ours)
    heard: list[FromRunner] = []
    try:
        theirs.sendall(stream)
        theirs.close()
        with contextlib.suppress(WireError, LinkClosed):
            while True:
                heard.append(await pipe.receive())
        return heard
    finally:
        await pipe.close()


PONG = encode(FROM_RUNNER, Pong())
LENGTHS = st.integers(0, 300) | st.sampled_from([MAXIMUM_MESSAGE_BYTES, MAXIMUM_MESSAGE_BYTES + 1, 2**32 - 1])


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 3), LENGTHS, st.binary(max_size=300), st.data())
def test_whatever_a_runner_sends_is_messages_and_then_one_declared_error(
    pongs: int, length: int, noise: bytes, data: st.DataObject
) -> None:
    honest = (struct.pack("<I", len(PONG)) + PONG) * pongs
    with at_most(4 * len(honest) + 2 * OVERHEAD):
        heard = asyncio.run(heard_by_a_node(honest + struct.pack("<I", length) + damaged(data, noise)))
    assert heard[:pongs] == [Pong()] * pongs
