"""How hidden states look between two stages: as they are, or rounded to fewer bytes. Pure.

Every row is rounded by itself, so that what becomes of a sequence does not depend on who else is in its step. A row
stays as it is where somebody asks for it, and where rounding would take more from it than it takes from most: infinite
values and such as are no numbers, values beyond what float16 holds, and, in int8, rows in which few values are so much
larger than all others (many models have them) that one scale cannot do for both.

- exact: the hidden states' own bytes
- float16: of rows in float32, half of them
- int8: round(127 x / m) for a row whose largest magnitude is m, and m / 127 in float32: symmetric, a quarter of float32

Coded data is a bit for each row, least significant first, set for those that stay; the scales (int8); the rounded rows;
those that stay; numbers little-endian.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final, Literal, cast

import numpy as np
from numpy.typing import NDArray

from exo_core.transports import Buffer
from exo_engine.stage import Activation

if TYPE_CHECKING:
    from typing_extensions import Buffer as AnyBuffer

CodecName = Literal["exact", "float16", "int8"]

CODECS: Final[tuple[CodecName, ...]] = ("exact", "float16", "int8")
"""The most faithful first."""

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]

_TYPES: Final = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": np.dtype("<u2")}
_FLOAT16: Final = (2.0**-10, 65504.0)
"""Within which a row's largest magnitude lies, unless it is 0: below, its values would lose digits, above, all."""
_INT8: Final = (1e-30, 1e30)
"""The same where the scale must be an ordinary float32."""
_OUTLIER: Final = 32.0
"""Times a row's mean magnitude: with a larger value in it, a step of its scale is a quarter of a usual value."""


def row_bytes(codec: CodecName, dtype: str, hidden_size: int) -> int:
    """What a row takes that is coded so, whose type as safetensors calls it is `dtype`."""
    match codec:
        case "exact":
            return _TYPES[dtype].itemsize * hidden_size
        case "float16":
            return 2 * hidden_size
        case "int8":
            return hidden_size + 4


def smaller_codecs(dtype: str, hidden_size: int) -> tuple[CodecName, ...]:
    """Those that save bytes, the most faithful first; none for a type that is not known here."""
    if dtype not in _TYPES:
        return ()
    exact = row_bytes("exact", dtype, hidden_size)
    return tuple(codec for codec in CODECS if row_bytes(codec, dtype, hidden_size) < exact)


def encode(codec: CodecName, activation: Activation, *, asked_exact: Collection[int] = ()) -> tuple[CodecName, Buffer]:
    """What to send, and how it is coded in the end: exactly if no row is to be rounded. `asked_exact` are rows."""
    if codec == "exact" or activation.dtype not in _TYPES or not all(activation.shape):
        return "exact", activation.data
    own = np.frombuffer(activation.data, _TYPES[activation.dtype]).reshape(activation.shape)
    values = _as_float32(own, activation.dtype)
    stay = _lose_too_much(codec, values)
    stay[list(asked_exact)] = True
    if stay.all():
        return "exact", activation.data
    some_stay = bool(stay.any())
    rounded = _rounded(codec, values[~stay] if some_stay else values)
    kept = own[stay].tobytes() if some_stay else b""
    return codec, b"".join((np.packbits(stay, bitorder="little").tobytes(), *rounded, kept))


def decode(codec: str, activation: Activation) -> Activation:
    """The hidden states of coded data, in float32; what is exact as it is.

    Raises `ValueError` for a codec that is not known here, and for data that cannot be of this shape.
    """
    known: CodecName | None = next((name for name in CODECS if name == codec), None)
    if known == "exact":
        return activation
    if known is None or activation.dtype not in _TYPES or len(activation.shape) != 2 or not all(activation.shape):
        message = f"no stage here knows hidden states {activation.dtype} {activation.shape} coded as {codec!r:.40}"
        raise ValueError(message)
    values = _decoded(known, activation)
    return Activation("F32", activation.shape, memoryview(cast("AnyBuffer", values)).cast("B"))


def _decoded(codec: CodecName, activation: Activation) -> Floats:
    rows, width = activation.shape
    data, flags = memoryview(activation.data), -(-rows // 8)
    stay = np.unpackbits(np.frombuffer(data[:flags], np.uint8), count=rows, bitorder="little").astype(np.bool_)
    staying = int(stay.sum())
    middle = flags + (rows - staying) * row_bytes(codec, activation.dtype, width)
    if len(data) != middle + staying * row_bytes("exact", activation.dtype, width):
        message = (
            f"{len(data)} bytes cannot be {activation.dtype} {activation.shape} in {codec} with {staying} rows exact"
        )
        raise ValueError(message)
    unrounded = _unrounded(codec, data[flags:middle], rows - staying, width)
    if not staying:
        return unrounded
    own = np.frombuffer(data[middle:], _TYPES[activation.dtype]).reshape(staying, width)
    values = np.empty((rows, width), np.float32)
    values[~stay], values[stay] = unrounded, _as_float32(own, activation.dtype)
    return values


def _lose_too_much(codec: CodecName, values: Floats) -> Flags:
    magnitudes = np.abs(values)
    largest = magnitudes.max(axis=1)
    low, high = _FLOAT16 if codec == "float16" else _INT8
    fit = (largest == 0) | ((largest >= low) & (largest <= high))  # false too for what is no number
    if codec == "int8":
        fit &= largest <= _OUTLIER * magnitudes.mean(axis=1, dtype=np.float64)
    return ~fit


def _rounded(codec: CodecName, values: Floats) -> tuple[bytes, ...]:
    if codec == "float16":
        return (values.astype("<f2").tobytes(),)
    scales = (np.abs(values).max(axis=1, keepdims=True) / np.float32(127)).astype("<f4")
    steps = np.rint(values / np.where(scales > 0, scales, np.float32(1)))
    return scales.tobytes(), steps.astype(np.int8).tobytes()


def _unrounded(codec: CodecName, data: memoryview, rows: int, width: int) -> Floats:
    if codec == "float16":
        return np.frombuffer(data, "<f2").reshape(rows, width).astype(np.float32)
    scales, steps = np.frombuffer(data[: 4 * rows], "<f4"), np.frombuffer(data[4 * rows :], np.int8)
    return steps.reshape(rows, width).astype(np.float32) * scales[:, np.newaxis]


def _as_float32(own: NDArray[np.generic], dtype: str) -> Floats:
    if dtype == "BF16":
        return (own.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return own.astype(np.float32, copy=False)
