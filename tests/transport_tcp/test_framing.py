"""Messages come out of the stream as they went in, however it is cut, and nothing is allocated on a stranger's word."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exo_core.errors import WireError
from exo_core.transports import MAXIMUM_MESSAGE_BYTES
from exo_transport_tcp.framing import JOINED_BYTES, SCRATCH_BYTES, FrameReader, framed

SIZES = st.one_of(st.integers(0, 40), st.integers(SCRATCH_BYTES - 9, SCRATCH_BYTES + 9), st.integers(0, 200_000))


def pushed_through(stream: bytes, cuts: list[int], *, reuse: bool) -> list[bytes]:
    reader = FrameReader(reuse=reuse)
    received: list[bytes] = []
    position, turn = 0, 0
    while True:
        while (message := reader.take()) is not None:
            received.append(bytes(message))
        if position == len(stream):
            assert not reader.has_begun
            return received
        space = reader.space()
        count = min(len(space), cuts[turn % len(cuts)], len(stream) - position)
        assert count > 0
        space[:count] = stream[position : position + count]
        reader.filled(count)
        position, turn = position + count, turn + 1


@given(st.lists(SIZES, max_size=8), st.lists(st.integers(1, 70_000), min_size=1, max_size=5), st.booleans())
def test_any_messages_survive_any_cutting(sizes: list[int], cuts: list[int], reuse: bool) -> None:
    messages = [bytes([number + 1]) * size for number, size in enumerate(sizes)]
    if sum(sizes) > 1000 * min(cuts):
        cuts = [*cuts, 16_384]
    stream = b"".join(b"".join(framed([message])) for message in messages)
    assert pushed_through(stream, cuts, reuse=reuse) == messages


@given(st.lists(SIZES, max_size=6))
def test_parts_are_one_message_and_small_ones_are_joined(sizes: list[int]) -> None:
    parts = [bytes([number]) * size for number, size in enumerate(sizes)]
    pieces = framed(parts)
    assert b"".join(pieces) == sum(sizes).to_bytes(4, "big") + b"".join(parts)
    assert len(pieces) <= 1 + 2 * sum(size >= JOINED_BYTES for size in sizes)


def test_large_parts_are_not_copied() -> None:
    part = bytearray(JOINED_BYTES)
    pieces = framed([b"head", part])
    part[:] = b"x" * JOINED_BYTES
    assert pieces[1] == part


def test_the_largest_message_is_allowed_and_one_byte_more_is_not() -> None:
    half = bytes(MAXIMUM_MESSAGE_BYTES // 2)
    assert framed([half, half])[0] == MAXIMUM_MESSAGE_BYTES.to_bytes(4, "big")
    with pytest.raises(ValueError, match="at most"):
        _ = framed([half, half, b"!"])


def test_too_large_an_announcement_is_refused_before_memory_is_taken() -> None:
    reader = FrameReader(reuse=False)
    reader.space()[:4] = b"\xff\xff\xff\xff"
    reader.filled(4)
    tracemalloc.start()
    with pytest.raises(WireError, match="4294967295"):
        _ = reader.take()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000


def test_reused_memory_is_reused() -> None:
    size = 1_000_000
    stream = b"".join(framed([bytes(size)]))
    reader = FrameReader(reuse=True)
    seen: list[memoryview] = []
    for _ in range(2):
        rest = memoryview(stream)
        while (message := reader.take()) is None:
            space = reader.space()
            count = min(len(space), len(rest))
            space[:count] = rest[:count]
            reader.filled(count)
            rest = rest[count:]
        seen.append(memoryview(message))
    seen[1][0] = 7
    assert seen[0][0] == 7
