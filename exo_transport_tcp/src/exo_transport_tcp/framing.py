"""Where does one message end? Four bytes, big-endian, say how long the message after them is.

`FrameReader` is filled by whoever decrypts, straight into the memory in which a large message will be handed out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from exo_core.errors import WireError
from exo_core.transports import MAXIMUM_MESSAGE_BYTES, Buffer

HEADER_BYTES = 4
JOINED_BYTES = 16 * 1024
"""Parts smaller than this, the size of one TLS record, are copied together; others are sent from where they are."""

SCRATCH_BYTES = 64 * 1024
"""Messages up to about this size are read several at once."""

_RECORD_BYTES = 16 * 1024


def framed(parts: Sequence[Buffer]) -> Sequence[memoryview]:
    """The message that consists of `parts`, as pieces to send in this order. Raises `ValueError` when too large."""
    views = [memoryview(part) for part in parts]
    length = sum(view.nbytes for view in views)
    if length > MAXIMUM_MESSAGE_BYTES:
        message = f"a message of {length} bytes; at most {MAXIMUM_MESSAGE_BYTES} can be sent"
        raise ValueError(message)
    header = length.to_bytes(HEADER_BYTES, "big")
    if length + HEADER_BYTES <= JOINED_BYTES:
        return [memoryview(b"".join([header, *views]))]
    return _joined_where_small(memoryview(header), views)


def _joined_where_small(header: memoryview, views: Sequence[memoryview]) -> Sequence[memoryview]:
    """Every piece costs a TLS record, so neighbouring small ones become one."""
    pieces: list[memoryview] = []
    small = [header]
    for view in views:
        if view.nbytes < JOINED_BYTES:
            small.append(view)
            continue
        if small:
            pieces.append(memoryview(b"".join(small)))
        pieces.append(view.cast("B"))
        small = []
    return [*pieces, memoryview(b"".join(small))] if small else pieces


@final
class FrameReader:
    """Takes a stream of bytes piece by piece and gives whole messages.

    Repeat: `take()` until it gives None; then write some bytes into `space()` and say how many by `filled()`.
    """

    def __init__(self, *, reuse: bool, maximum: int = MAXIMUM_MESSAGE_BYTES) -> None:
        """With `reuse`, a message lies in memory that the next one overwrites; without, it is the caller's for good."""
        self.maximum = maximum
        self._reuse = reuse
        self._scratch = memoryview(bytearray(SCRATCH_BYTES))
        self._start = 0
        self._end = 0
        self._large: memoryview | None = None
        self._large_filled = 0
        self._spare = memoryview(b"")

    @property
    def has_begun(self) -> bool:
        """Whether part of a message is here."""
        return self._large is not None or self._start != self._end

    def space(self) -> memoryview:
        """Where the next bytes belong: at least one byte."""
        if self._large is not None:
            return self._large[self._large_filled :]
        if self._start == self._end:
            self._start = self._end = 0
        elif SCRATCH_BYTES - self._end < _RECORD_BYTES and self._start:
            self._compact()
        return self._scratch[self._end :]

    def filled(self, count: int) -> None:
        """`count` bytes were written into `space()`."""
        if self._large is not None:
            self._large_filled += count
        else:
            self._end += count

    def take(self) -> Buffer | None:
        """The next whole message, if it is here. Raises `WireError` when one is announced that is too large."""
        if self._large is not None:
            return self._take_large()
        body = self._start + HEADER_BYTES
        if body > self._end:
            return None
        length = int.from_bytes(self._scratch[self._start : body], "big")
        if length > self.maximum:
            message = f"a message of {length} bytes was announced; at most {self.maximum} are allowed here"
            raise WireError(message)
        if body + length <= self._end:
            self._start = body + length
            view = self._scratch[body : self._start]
            return view if self._reuse else bytes(view)
        if HEADER_BYTES + length > SCRATCH_BYTES:
            self._begin_large(length)
        return None

    def _compact(self) -> None:
        kept = self._end - self._start
        self._scratch[:kept] = self._scratch[self._start : self._end]
        self._start, self._end = 0, kept

    def _begin_large(self, length: int) -> None:
        """Only now is memory taken: the size has been checked."""
        if self._reuse and len(self._spare) >= length:
            large = self._spare[:length]
        else:
            large = memoryview(bytearray(length))
            self._spare = large if self._reuse else self._spare
        begun = self._scratch[self._start + HEADER_BYTES : self._end]
        large[: len(begun)] = begun
        self._large, self._large_filled = large, len(begun)
        self._start = self._end = 0

    def _take_large(self) -> Buffer | None:
        large = self._large
        if large is None or self._large_filled < len(large):
            return None
        self._large = None
        return large
