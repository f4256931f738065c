"""How does a message become fragments of a data channel, and fragments a message again? No input, no output.

Each fragment begins with a byte that says what it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, final

from exo_core.errors import WireError
from exo_core.transports import MAXIMUM_MESSAGE_BYTES, Buffer

MORE: Final = 0
"""A part of a message, more of it follows."""
LAST: Final = 1
"""The end of a message, or all of it."""
CREDIT: Final = 2
"""How many bytes of fragments were taken in so far: eight bytes, big-endian."""
BEAT: Final = 3
"""I am here."""
GOODBYE: Final = 4
"""Nothing more will come, and I read no more; answered by the same."""
WELCOME: Final = 5
"""The first fragment either way: which protocol is spoken."""

PACKET_BYTES: Final = 1160
"""What SCTP puts into one packet."""
FRAGMENT_BYTES: Final = 14 * PACKET_BYTES
"""Large enough that little is spent on each, small enough that nothing urgent waits for one."""

_BODY_BYTES: Final = FRAGMENT_BYTES - 1
SMALLEST_PART_BYTES: Final = 1024
"""A part that more follows is at least so large: a message of tiny ones would take much more memory than it has."""

CREDIT_BYTES: Final = 8


def fragments_of(parts: Sequence[Buffer]) -> Iterator[bytes]:
    """The fragments of the message that consists of `parts`. Raises `ValueError` at once when it is too large."""
    views = [memoryview(part).cast("B") for part in parts if memoryview(part).nbytes]
    length = sum(len(view) for view in views)
    if length > MAXIMUM_MESSAGE_BYTES:
        message = f"a message of {length} bytes; at most {MAXIMUM_MESSAGE_BYTES} can be sent"
        raise ValueError(message)
    if length <= _BODY_BYTES:
        return iter((b"".join((bytes((LAST,)), *views)),))
    return _cut(views, length)


def _cut(views: Sequence[memoryview], length: int) -> Iterator[bytes]:
    pieces: list[memoryview] = []
    room, left = _BODY_BYTES, length
    for view in views:
        start = 0
        while start < len(view):
            piece = view[start : start + room]
            pieces.append(piece)
            start += len(piece)
            room -= len(piece)
            left -= len(piece)
            if room == 0 or left == 0:
                yield b"".join((bytes((MORE if left else LAST,)), *pieces))
                pieces, room = [], _BODY_BYTES


def credit(taken: int) -> bytes:
    """The fragment that says so."""
    return bytes((CREDIT,)) + taken.to_bytes(CREDIT_BYTES, "big")


def credited(fragment: bytes) -> int:
    """What a credit says. Raises `WireError`."""
    if len(fragment) != 1 + CREDIT_BYTES:
        message = f"a credit of {len(fragment)} bytes"
        raise WireError(message)
    return int.from_bytes(fragment[1:], "big")


@final
class Assembly:
    """Puts the fragments of one message after the other together, of at most `largest` bytes each."""

    def __init__(self, largest: int = MAXIMUM_MESSAGE_BYTES) -> None:
        self._largest = largest
        self._pieces: list[memoryview] = []
        self._length = 0

    def add(self, fragment: bytes) -> bytes | None:
        """The message that this fragment completes. Raises `WireError` when it gets too large, or in crumbs."""
        self._length += len(fragment) - 1
        if self._length > self._largest:
            message = f"a message of more than {self._largest} bytes"
            raise WireError(message)
        if fragment[0] == MORE and len(fragment) < SMALLEST_PART_BYTES:
            message = f"a part of {len(fragment)} bytes that is not the last one"
            raise WireError(message)
        self._pieces.append(memoryview(fragment)[1:])
        if fragment[0] == MORE:
            return None
        whole = b"".join(self._pieces)
        self._pieces, self._length = [], 0
        return whole
