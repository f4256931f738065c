"""The step stream on the wire: a step with its activation as the parts of one message, and the tail's answer.

A step message is a 4-byte little-endian length, a msgpack header of that length, and the activation's bytes if there
are any. Encoding and decoding the header of a usual decode step takes about 10 µs together.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import prod
from typing import TypeVar, cast

from pydantic import TypeAdapter

from exo_core.errors import WireError
from exo_core.frozen import Count, Frozen
from exo_core.transports import Buffer
from exo_engine.packing import pack, unpack
from exo_engine.stage import Activation
from exo_engine.steps import Resized, StageReport, Step, StepAnswer

ModelT = TypeVar("ModelT")

_LENGTH = struct.Struct("<I")
_BYTES_PER_ELEMENT = {"F32": 4, "F16": 2, "BF16": 2}
"""What exact data of each dtype must measure; what else there is, its codec checks."""


class ActivationHeader(Frozen):
    """What follows a step's header: the codec's name, and dtype and shape of the hidden states that were coded."""

    codec: str
    dtype: str
    shape: tuple[Count, ...]


class StepHeader(Frozen):
    """A step as it travels. `error`: an earlier stage failed in it, so that nothing is to be executed.

    `seconds`, `resized` and, in a generation's first step, `reports` are what the stages so far added for the answer.
    """

    step: Step
    activation: ActivationHeader | None = None
    seconds: tuple[float, ...] = ()
    reports: tuple[StageReport, ...] = ()
    resized: tuple[Resized, ...] = ()
    error: str | None = None


@dataclass(frozen=True)
class StepMessage:
    """A received step; the activation's data belongs to the received buffer."""

    header: StepHeader
    activation: Activation | None


_HEADER = TypeAdapter(StepHeader)
_ANSWER = TypeAdapter(StepAnswer)


def encode_step(header: StepHeader, data: Buffer = b"") -> tuple[Buffer, ...]:
    """The parts of a step's message."""
    packed = _pack(_HEADER, header)
    return (_LENGTH.pack(len(packed)), packed, data) if data else (_LENGTH.pack(len(packed)), packed)


def decode_step(message: Buffer) -> StepMessage:
    """The step in a message. Raises `WireError`."""
    view = memoryview(message)
    if len(view) < _LENGTH.size:
        problem = f"a step message of {len(view)} bytes"
        raise WireError(problem)
    end = _LENGTH.size + cast("int", _LENGTH.unpack_from(view)[0])
    header = _unpack(_HEADER, view[_LENGTH.size : end])
    return StepMessage(header, _activation(header.activation, view[end:]))


def encode_answer(answer: StepAnswer) -> Buffer:
    """The message of an answer."""
    return _pack(_ANSWER, answer)


def decode_answer(message: Buffer) -> StepAnswer:
    """The answer in a message. Raises `WireError`."""
    return _unpack(_ANSWER, message)


def _activation(header: ActivationHeader | None, data: memoryview) -> Activation | None:
    if header is None:
        return None
    size = _BYTES_PER_ELEMENT.get(header.dtype) if header.codec == "exact" else None
    if size is not None and prod(header.shape) * size != len(data):
        message = f"an activation {header.dtype}{list(header.shape)} came with {len(data)} bytes"
        raise WireError(message)
    return Activation(header.dtype, header.shape, data)


def _pack(adapter: TypeAdapter[ModelT], model: ModelT) -> bytes:
    return pack(adapter.dump_python(model))


def _unpack(adapter: TypeAdapter[ModelT], packed: Buffer) -> ModelT:
    try:
        return adapter.validate_python(unpack(packed))
    except ValueError as problem:  # pydantic's ValidationError is one
        message = f"a message of the step stream is broken: {type(problem).__name__}"
        raise WireError(message) from problem
