"""Values go over the wire and come back the same; nothing else comes back at all."""

from __future__ import annotations

import tracemalloc
from enum import StrEnum
from typing import Annotated, Any, Literal, cast

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter

from exo_core.errors import WireError
from exo_core.frozen import Count, Frozen, Int64, JsonValue
from exo_core.wire.bounds import MAXIMUM_DEPTH
from exo_core.wire.codec import decode, decode_model, encode, encode_model, pack, unpack


class Circle(Frozen):
    kind: Literal["circle"] = "circle"
    radius: float


class Square(Frozen):
    kind: Literal["square"] = "square"
    side: Count


Shape = Annotated[Circle | Square, Field(discriminator="kind")]


class Drawing(Frozen):
    name: str
    number: Int64 = 0
    shapes: tuple[Shape, ...] = ()
    thumbnail: bytes = b""
    notes: dict[str, JsonValue] = {}
    maybe: tuple[int, str] | None = None


class OtherOrder(Frozen):
    b: int
    a: int


class Colour(StrEnum):
    RED = "red"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=5)
    | st.sampled_from(Colour)
)
plain_values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=3), inner, max_size=4)
        | st.dictionaries(st.integers(-9, 300), inner, max_size=4)
        | st.dictionaries(st.binary(max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)
shapes = st.builds(Circle, radius=st.floats(allow_nan=False)) | st.builds(Square, side=st.integers(0, 2**63 - 1))
drawings = st.builds(
    Drawing,
    name=st.text(),
    number=st.integers(-(2**63), 2**63 - 1),
    shapes=st.lists(shapes, max_size=5).map(tuple),
    thumbnail=st.binary(max_size=400),
    notes=st.dictionaries(st.text(), json_values, max_size=4),
    maybe=st.none() | st.tuples(st.integers(-(2**63), 2**63 - 1), st.text()),
)


@given(drawings)
def test_round_trip_is_exact_and_repeats_itself(drawing: Drawing) -> None:
    data = encode_model(drawing)
    again = decode_model(Drawing, data)
    assert again == drawing
    assert encode_model(again) == data


@given(st.dictionaries(st.text(), json_values))
def test_the_order_of_a_map_does_not_matter(table: dict[str, object]) -> None:
    assert pack(table) == pack(dict(reversed(table.items())))


def _sorted_plainly(value: Any) -> Any:
    """What the format says, in the fewest words."""
    if isinstance(value, dict):
        table = cast("dict[Any, Any]", value)
        return {key: _sorted_plainly(table[key]) for key in sorted(table)}
    if isinstance(value, list | tuple):
        return [_sorted_plainly(item) for item in cast("list[Any] | tuple[Any, ...]", value)]
    return value


@settings(max_examples=300)
@given(plain_values)
def test_the_bytes_are_those_of_plainly_sorted_maps(value: object) -> None:
    """Chains and hashes of existing logs rest on it."""
    assert pack(value) == msgpack.packb(_sorted_plainly(value))  # pyright: ignore[reportUnknownMemberType] - untyped


@pytest.mark.parametrize("leaf", [None, {1: 2}, [1], ()])
def test_how_deep_values_may_be_nested(leaf: object) -> None:
    levels = MAXIMUM_DEPTH if leaf is None else MAXIMUM_DEPTH - 1
    deep = leaf
    for level in range(levels):
        deep = [deep] if level % 2 else {"x": deep}
    assert unpack(pack(deep)) is not None
    with pytest.raises(ValueError, match="deeper"):
        pack([deep])


def test_canonical_bytes() -> None:
    assert encode_model(OtherOrder(b=1, a=2)) == b"\x82\xa1a\x02\xa1b\x01"
    assert pack((1, 128, -1, 1.0, "é", b"\x00", None, True)) == (
        b"\x98\x01\xcc\x80\xff\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00\xa2\xc3\xa9\xc4\x01\x00\xc0\xc3"
    )


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_are_a_wire_error(data: bytes) -> None:
    try:
        decode_model(Drawing, data)
    except WireError:
        return


@settings(max_examples=300)
@given(drawings, st.data())
def test_damaged_bytes_decode_or_are_a_wire_error(drawing: Drawing, data: st.DataObject) -> None:
    damaged = bytearray(encode_model(drawing))
    place = data.draw(st.integers(0, len(damaged) - 1))
    damaged[place] = data.draw(st.integers(0, 255))
    try:
        decode_model(Drawing, damaged[: data.draw(st.integers(0, len(damaged)))])
    except WireError:
        return


def test_promises_cost_nothing() -> None:
    """Nested arrays that promise a million elements each would take gigabytes if they were believed."""
    size = 1_000_000
    nested = (b"\xdd" + size.to_bytes(4, "big")) * 60
    data = nested + bytes(size - len(nested))
    tracemalloc.start()
    try:
        with pytest.raises(WireError, match="promised"):
            unpack(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100_000


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "ends before"),
        (b"\x01\x01", "follow"),
        (b"\xa5abc", "follow|promised|ends"),
        (b"\xdc\xff\xff", "promised"),
        (b"\xdf\xff\xff\xff\xff", "promised"),
        (b"\x91" * 65 + b"\xc0", "deeper"),
        (b"\xc1", "begins no value"),
        (b"\xd4\x01\x01", "begins no value"),
        (b"\xca\x00\x00\x00\x00", "begins no value"),
        (b"\xa1\xff", "UnicodeDecodeError"),
        (b"\x81\x90\x01", "Drawing"),
    ],
)
def test_what_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(WireError, match=reason):
        decode_model(Drawing, data)


def test_types_are_not_converted() -> None:
    for fields in (
        {"name": b"bytes"},
        {"name": "x", "number": "1"},
        {"name": "x", "number": 1.0},
        {"name": "x", "y": 1},
    ):
        with pytest.raises(WireError):
            decode_model(Drawing, pack(fields))
    with pytest.raises(WireError):
        decode(TypeAdapter(int), pack(True))


def test_errors_do_not_quote_the_data() -> None:
    with pytest.raises(WireError) as caught:
        decode_model(Drawing, pack({"name": "n", "number": "a secret prompt"}))
    assert "secret" not in str(caught.value)
    assert "number" in str(caught.value)


def test_what_cannot_be_written_is_a_value_error() -> None:
    deep: object = None
    for _ in range(70):
        deep = [deep]
    for value in (2**70, {1, 2}, object(), "\ud800", deep, {1: 1, "a": 2}):
        with pytest.raises(ValueError, match=r".+"):
            pack(value)
    with pytest.raises(ValueError, match=r".+"):
        encode(TypeAdapter(tuple[int, ...]), ("not a number",))  # pyright: ignore[reportArgumentType] - on purpose


def test_any_reader_of_messagepack_understands_it() -> None:
    drawing = Drawing(name="n", shapes=(Square(side=2),), notes={"list": [1, 2]})
    assert msgpack.unpackb(encode_model(drawing)) == {  # pyright: ignore[reportUnknownMemberType] - untyped library
        **drawing.model_dump(),
        "shapes": [{"kind": "square", "side": 2}],
    }
