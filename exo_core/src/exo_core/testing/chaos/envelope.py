"""How a message says when it may arrive: a header of 9 bytes before it. Pure."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import final

from exo_core.transports import MAXIMUM_MESSAGE_BYTES, Buffer

_HEADER = struct.Struct("<?d")
"""Whether more of the message follows in a second one; and when it arrives, on the machine's monotonic clock."""


def size_of(parts: Sequence[Buffer]) -> int:
    """Of a message, in bytes. Raises `ValueError` when it is too large."""
    size = sum(memoryview(part).nbytes for part in parts)
    if size > MAXIMUM_MESSAGE_BYTES:
        message = f"a message of {size} bytes is larger than {MAXIMUM_MESSAGE_BYTES}"
        raise ValueError(message)
    return size


def sealed(parts: Sequence[Buffer], size: int, arrival: float) -> Sequence[Sequence[Buffer]]:
    """What to send: one message, or two where the header leaves no room for all of it."""
    if size + _HEADER.size <= MAXIMUM_MESSAGE_BYTES:
        return ((_HEADER.pack(False, arrival), *parts),)
    whole, last = b"".join(parts), size - _HEADER.size
    return (
        (_HEADER.pack(True, arrival), memoryview(whole)[:last]),
        (_HEADER.pack(False, arrival), memoryview(whole)[last:]),
    )


@final
class Opener:
    """Puts together what the other end sealed."""

    def __init__(self) -> None:
        self._begun: Buffer | None = None

    def open(self, sealed_message: Buffer) -> tuple[float, Buffer] | None:
        """When it may arrive, and the message; None when more of it is to come."""
        more, arrival = _HEADER.unpack_from(sealed_message)
        content = memoryview(sealed_message)[_HEADER.size :]
        if more:
            self._begun = bytes(content)
            return None
        begun, self._begun = self._begun, None
        return arrival, content if begun is None else b"".join((begun, content))
