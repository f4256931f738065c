"""Frames carry what they were given, whole, and refuse what no honest peer sends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exo_core.errors import WireError
from exo_core.wire.assembly import MAXIMUM_PARTIAL, Assembly
from exo_core.wire.frames import (
    DATA,
    FRAME_BYTES,
    MESSAGE,
    MOVED,
    PING,
    QUESTION,
    UNIT_BYTES,
    Frame,
    fragments,
    header,
    parse,
    split_name,
    with_name,
)


def _over_a_link(frame: Frame) -> Frame:
    return parse(header(frame) + bytes(frame.payload))


@given(st.integers(MESSAGE, MOVED), st.integers(0, 2**32 - 1), st.binary(max_size=100))
def test_a_frame_comes_back(kind: int, frame_id: int, payload: bytes) -> None:
    assert _over_a_link(Frame(kind, frame_id, payload)) == Frame(kind, frame_id, payload)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_frame_or_a_wire_error(data: bytes) -> None:
    try:
        frame = parse(data)
    except WireError:
        return
    assert header(frame) + bytes(frame.payload) == data


@pytest.mark.parametrize("size", [0, 1, FRAME_BYTES, FRAME_BYTES + 1, 3 * FRAME_BYTES, UNIT_BYTES])
def test_units_of_any_size_become_whole_again(size: int) -> None:
    payload = bytes(index % 251 for index in range(size))
    assembly = Assembly()
    frames = [_over_a_link(frame) for frame in fragments(MESSAGE, 7, payload)]
    wholes = [assembly.add(frame) for frame in frames]
    assert wholes == [*[None] * (len(frames) - 1), payload]
    assert max(len(frame.payload) for frame in frames) <= FRAME_BYTES


def test_units_may_be_mixed() -> None:
    first, second = bytes(100_000), b"\x01" * 100_000
    assembly = Assembly()
    mixed = zip(fragments(MESSAGE, 1, first), fragments(QUESTION, 1, second), strict=True)
    wholes = [assembly.add(frame) for pair in mixed for frame in pair]
    assert wholes == [None, None, first, second]


@pytest.mark.parametrize(
    "data",
    [
        b"\x01\x00\x00\x00",
        b"\x00\x00\x00\x00\x00",
        b"\x0c\x00\x00\x00\x00",
        header(Frame(PING, 0, more=True)) + bytes(FRAME_BYTES),
        header(Frame(DATA, 0, more=True)) + b"short",
        header(Frame(DATA, 0)) + bytes(FRAME_BYTES + 1),
    ],
)
def test_broken_frames_are_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        parse(data)


def test_a_unit_cannot_grow_beyond_its_limit() -> None:
    assembly = Assembly()
    part = Frame(MESSAGE, 1, bytes(FRAME_BYTES), more=True)
    for _ in range(UNIT_BYTES // FRAME_BYTES):
        assert assembly.add(part) is None
    with pytest.raises(WireError, match="more than"):
        assembly.add(part)


def test_few_units_are_under_way_at_once() -> None:
    assembly = Assembly()
    for number in range(MAXIMUM_PARTIAL):
        assembly.add(Frame(MESSAGE, number, bytes(FRAME_BYTES), more=True))
    with pytest.raises(WireError, match="at once"):
        assembly.add(Frame(MESSAGE, MAXIMUM_PARTIAL, bytes(FRAME_BYTES), more=True))


@given(st.text(max_size=60), st.binary(max_size=20))
def test_names(name: str, body: bytes) -> None:
    assert split_name(with_name(name, body)) == (name, body)


@pytest.mark.parametrize("payload", [b"", b"\x05abc", b"\x01\xff"])
def test_broken_names_are_refused(payload: bytes) -> None:
    with pytest.raises(WireError):
        split_name(payload)
