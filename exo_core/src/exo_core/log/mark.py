"""Where did the log stand after its last write? So that an end which vanished is noticed.

A flipped bit can make SQLite see fewer rows, or (in its write-ahead log) fewer transactions: every row that is left is
right, and yet acknowledged entries are gone. So each transaction also writes a mark, which is repeated in a small file
beside, without waiting for the disk: after a kill that one is exact, after a power cut it may be older, never newer.
"""

from __future__ import annotations

import os
import zlib
from contextlib import suppress
from pathlib import Path
from typing import final

from exo_core.errors import WireError
from exo_core.frozen import Count, Frozen
from exo_core.identifiers import NO_EPOCH, Epoch
from exo_core.log.chain import GENESIS
from exo_core.wire.codec import decode_model, encode_model

_CHECKSUM_BYTES = 4
_LENGTH_BYTES = 2
_LEAST_BYTES = 512
"""One sector: it is written whole or not at all."""


class Mark(Frozen):
    """The sum of all writes so far: their number, the log's length and last chain, the outbox's rows, the epoch."""

    writes: Count = 0
    length: Count = 0
    chain: bytes = GENESIS
    offers: Count = 0
    epoch: Epoch = NO_EPOCH


@final
class MarkFile:
    """The mark beside the log."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Mark | None:
        """What was written last; None when there is none that can be believed."""
        try:
            content = self._path.read_bytes()
            start = _CHECKSUM_BYTES + _LENGTH_BYTES
            body = content[start : start + int.from_bytes(content[_CHECKSUM_BYTES:start], "big")]
            sound = zlib.crc32(body) == int.from_bytes(content[:_CHECKSUM_BYTES], "big")
            return decode_model(Mark, body) if sound else None
        except (OSError, WireError):
            return None

    def write(self, mark: Mark) -> None:
        """Replace it, in place. What the disk does not take is left out: the log itself has the mark too."""
        body = encode_model(mark)
        head = zlib.crc32(body).to_bytes(_CHECKSUM_BYTES, "big") + len(body).to_bytes(_LENGTH_BYTES, "big")
        with suppress(OSError):
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, (head + body).ljust(_LEAST_BYTES, b"\0"))
            finally:
                os.close(descriptor)
