"""msgpack with types: what may come out is what strict models are validated from (lists come as tuples)."""

from __future__ import annotations

from typing import cast

import msgpack

from exo_core.transports import Buffer


def pack(value: object) -> bytes:
    """The msgpack bytes of plain data."""
    return cast("bytes", msgpack.packb(value))  # pyright: ignore[reportUnknownMemberType]  # msgpack has no types


def unpack(packed: Buffer) -> object:
    """The plain data of msgpack bytes. Raises `ValueError`."""
    try:
        return cast("object", msgpack.unpackb(packed, use_list=False))  # pyright: ignore[reportUnknownMemberType]  # as above
    except msgpack.UnpackException as problem:
        message = f"not msgpack: {type(problem).__name__}"
        raise ValueError(message) from problem
