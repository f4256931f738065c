"""Hidden states that are rounded on a thin link: how much they lose, and what is never rounded."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from exo_engine.codecs import CODECS, CodecName, decode, encode, row_bytes, smaller_codecs
from exo_engine.stage import Activation

ROUNDING: tuple[CodecName, ...] = ("float16", "int8")
SHAPES = array_shapes(min_dims=2, max_dims=2, max_side=40)
ROWS = arrays(np.float32, SHAPES, elements=st.floats(-1000, 1000, width=32))
ANY_ROWS = arrays(np.float32, SHAPES, elements=st.floats(width=32))


def activation(values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Activation:
    return Activation("F32", values.shape, values.astype("<f4").tobytes())


def there_and_back(
    codec: CodecName, sent: Activation, asked_exact: Sequence[int] = ()
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    used, data = encode(codec, sent, asked_exact=asked_exact)
    got = decode(used, Activation(sent.dtype, sent.shape, data))
    assert (got.dtype, got.shape) == ("F32", sent.shape)
    return np.frombuffer(got.data, np.float32).reshape(got.shape)


def codes(codec: CodecName, sent: Activation) -> bool:
    """Whether any row is rounded."""
    return encode(codec, sent)[0] == codec


@given(ROWS)
def test_float16_loses_no_more_than_its_last_digit(
    values: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
) -> None:
    error = np.abs(there_and_back("float16", activation(values)) - values)
    assert (error <= np.maximum(np.abs(values) * 2.0**-11, 2.0**-25)).all()


@given(ROWS)
def test_int8_is_off_by_half_a_step_of_the_rows_scale(
    values: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
) -> None:
    error = np.abs(there_and_back("int8", activation(values)) - values)
    step = np.abs(values).max(axis=1, keepdims=True) / 127
    assert (error <= 0.5001 * step).all()


@given(ANY_ROWS, st.sampled_from(CODECS), st.data())
def test_what_rounding_would_spoil_stays_bit_for_bit(
    values: np.ndarray[tuple[int, ...], np.dtype[np.float32]], codec: CodecName, data: st.DataObject
) -> None:
    asked = data.draw(st.lists(st.integers(0, len(values) - 1)))
    got = there_and_back(codec, activation(values), asked)
    endless = [at for at, row in enumerate(values) if not np.isfinite(row).all()]
    for at in {*asked, *endless, *(range(len(values)) if codec == "exact" else ())}:
        assert got[at].tobytes() == values[at].tobytes()
    finite = np.isfinite(values).all(axis=1)
    assert np.isfinite(got[finite]).all()


@given(ROWS, st.sampled_from(ROUNDING), st.data())
def test_a_row_is_the_same_whoever_else_is_in_the_step(
    values: np.ndarray[tuple[int, ...], np.dtype[np.float32]], codec: CodecName, data: st.DataObject
) -> None:
    alone = data.draw(st.integers(0, len(values) - 1))
    others = data.draw(st.lists(st.integers(0, len(values) - 1).filter(lambda at: at != alone)))
    together = there_and_back(codec, activation(values), others)[alone]
    assert together.tobytes() == there_and_back(codec, activation(values[alone : alone + 1]))[0].tobytes()


@pytest.mark.parametrize("codec", ROUNDING)
def test_zeros_stay_zeros_in_few_bytes(codec: CodecName) -> None:
    sent = activation(np.zeros((9, 64), np.float32))
    used, data = encode(codec, sent)
    assert (used, len(data)) == (codec, 2 + 9 * row_bytes(codec, "F32", 64))
    assert not there_and_back(codec, sent).any()


@pytest.mark.parametrize("shape", [(0, 64), (3, 0), (0, 0)])
@pytest.mark.parametrize("codec", CODECS)
def test_no_rows_and_empty_rows_travel_as_they_are(codec: CodecName, shape: tuple[int, int]) -> None:
    assert encode(codec, Activation("F32", shape, b"")) == ("exact", b"")


def test_a_row_with_a_value_far_beyond_its_others_is_not_put_on_one_scale() -> None:
    row = np.sin(np.arange(4096, dtype=np.float32)).reshape(1, -1)
    row[0, 7] = 10.0
    assert codes("int8", activation(row))
    row[0, 7] = 1000.0
    assert not codes("int8", activation(row))
    assert codes("float16", activation(row))


@pytest.mark.parametrize("largest", [65520.0, 1e-5])
def test_what_float16_cannot_hold_stays(largest: float) -> None:
    assert not codes("float16", activation(np.full((1, 8), largest, np.float32)))


@pytest.mark.parametrize("largest", [math.ldexp(1, -140), 3.4e38])
def test_a_scale_is_an_ordinary_number(largest: float) -> None:
    assert not codes("int8", activation(np.full((1, 8), largest, np.float32)))


def test_bfloat16_and_float16_go_as_int8_too() -> None:
    values = np.array([[1.0, -2.0, 0.5, 127.0]], np.float32)
    halves = {
        "BF16": (values.view(np.uint32) >> 16).astype("<u2").tobytes(),
        "F16": values.astype("<f2").tobytes(),
    }
    for dtype, data in halves.items():
        sent = Activation(dtype, (1, 4), data)
        assert there_and_back("int8", sent).tolist() == [[1.0, -2.0, 0.0, 127.0]]
        assert there_and_back("int8", Activation(dtype, (2, 4), 2 * data), [1])[1].tolist() == values[0].tolist()


def test_only_what_saves_bytes_is_worth_choosing() -> None:
    assert smaller_codecs("F32", 64) == ("float16", "int8")
    assert smaller_codecs("BF16", 64) == smaller_codecs("F16", 64) == ("int8",)
    assert smaller_codecs("F32", 1) == ("float16",)
    assert smaller_codecs("F8", 64) == ()


def test_a_type_nobody_knows_travels_as_it_is() -> None:
    assert encode("int8", Activation("F8", (1, 2), b"ab")) == ("exact", b"ab")


@pytest.mark.parametrize(
    ("codec", "dtype", "shape", "data"),
    [
        ("int4", "F32", (1, 4), bytes(7)),
        ("int8", "F8", (1, 4), bytes(9)),
        ("int8", "F32", (1, 4), bytes(8)),
        ("int8", "F32", (1, 4), b""),
        ("int8", "F32", (4,), bytes(9)),
        ("int8", "F32", (2, 4), b"\x03" + bytes(16)),
        ("float16", "F32", (1, 2**40), bytes(9)),
        ("float16", "F32", (0, 4), b""),
    ],
)
def test_data_that_cannot_be_it_is_refused(codec: str, dtype: str, shape: tuple[int, ...], data: bytes) -> None:
    with pytest.raises(ValueError, match=r"no stage here knows|cannot be"):
        decode(codec, Activation(dtype, shape, data))


@given(st.binary(max_size=40), st.sampled_from(ROUNDING), st.integers(1, 9), st.integers(1, 9))
def test_other_bytes_are_refused_or_are_numbers(data: bytes, codec: CodecName, rows: int, width: int) -> None:
    try:
        got = decode(codec, Activation("F32", (rows, width), data))
    except ValueError:
        return
    assert len(struct.unpack(f"<{rows * width}f", got.data)) == rows * width
