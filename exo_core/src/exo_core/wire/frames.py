"""How do messages, questions, streams and pings share one link?

One message of a link is one frame: a kind, an id, and at most 64 KiB of payload. What is longer goes as several frames
of the same kind and id, all but the last full and with the bit MORE set; frames of other ids may come in between. So
nothing ever waits behind more than one frame of something less urgent.

| kind      | id            | payload (of all its frames together)               | at most |
|-----------|---------------|-----------------------------------------------------|---------|
| MESSAGE   | a counter     | topic's name, message                               | 1 MiB   |
| QUESTION  | of the call   | call's name, question                               | 1 MiB   |
| REPLY     | of the call   | 0 and the answer, or 1 and why there is none        | 1 MiB   |
| OPEN      | of the stream | priority, stream's name, opening message            | 1 MiB   |
| DATA      | of the stream | a message                                           | 64 MiB  |
| CREDIT    | of the stream | how much more may be sent, 4 bytes                  | 1 frame |
| CLOSE     | of the stream | why, text; nothing of this stream follows           | 1 frame |
| PING PONG | 0             | 8 bytes, sent back as they came                     | 1 frame |
| GOODBYE   | 0             | why, text; the link is closed                       | 1 frame |
| MOVED     | 0             | nothing; what is new goes over a better link        | 1 frame |

Whoever dialled the link gives its streams odd ids, the other side even ones. A name is its length (one byte), then
UTF-8.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from exo_core.errors import WireError
from exo_core.transports import MAXIMUM_MESSAGE_BYTES, Buffer

FRAME_BYTES: Final = 64 * 1024
"""The most payload that one frame carries."""
UNIT_BYTES: Final = 1024 * 1024 + 512
"""The most that a message, question, reply or opening has, its name included."""

MESSAGE: Final = 1
QUESTION: Final = 2
REPLY: Final = 3
OPEN: Final = 4
DATA: Final = 5
CREDIT: Final = 6
CLOSE: Final = 7
PING: Final = 8
PONG: Final = 9
GOODBYE: Final = 10
MOVED: Final = 11

_MORE: Final = 0x80
_HEADER: Final = struct.Struct(">BI")
_LIMITS: Final = {MESSAGE: UNIT_BYTES, QUESTION: UNIT_BYTES, REPLY: UNIT_BYTES, OPEN: UNIT_BYTES}
_LIMITS[DATA] = MAXIMUM_MESSAGE_BYTES
_KINDS: Final = frozenset(range(MESSAGE, MOVED + 1))


class Frame(NamedTuple):
    """One frame. `more`: its payload goes on in the next frame of this kind and id."""

    kind: int
    id: int
    payload: Buffer = b""
    more: bool = False


def header(frame: Frame) -> bytes:
    """What goes over the link before the payload."""
    return _HEADER.pack(frame.kind | _MORE if frame.more else frame.kind, frame.id)


def parse(data: Buffer) -> Frame:
    """The frame that one message of a link is. Raises `WireError`."""
    if not _HEADER.size <= len(data) <= _HEADER.size + FRAME_BYTES:
        message = f"a frame of {len(data)} bytes"
        raise WireError(message)
    first, frame_id = _HEADER.unpack_from(data)
    kind, more = first & ~_MORE, bool(first & _MORE)
    if kind not in _KINDS or (more and kind not in _LIMITS):
        message = f"a frame of unknown kind {first}"
        raise WireError(message)
    if more and len(data) != _HEADER.size + FRAME_BYTES:
        message = "a frame that is not full and not the last of its unit"
        raise WireError(message)
    return Frame(kind, frame_id, bytes(data[_HEADER.size :]), more)


def size_limit(kind: int) -> int:
    """The most bytes that the frames of one unit of this kind carry together."""
    return _LIMITS.get(kind, FRAME_BYTES)


def fragments(kind: int, frame_id: int, payload: bytes) -> Iterator[Frame]:
    """The frames that carry `payload`, in order; at least one."""
    if len(payload) <= FRAME_BYTES:
        yield Frame(kind, frame_id, payload)
        return
    view = memoryview(payload)
    for start in range(0, len(view), FRAME_BYTES):
        yield Frame(kind, frame_id, view[start : start + FRAME_BYTES], more=start + FRAME_BYTES < len(view))


def with_name(name: str, body: Buffer) -> bytes:
    """A name and what is sent under it. Raises `ValueError` for a name of more than 255 bytes."""
    encoded = name.encode()
    return b"".join((bytes((len(encoded),)), encoded, body))


def split_name(payload: bytes) -> tuple[str, bytes]:
    """Undo `with_name`. Raises `WireError`."""
    end = 1 + payload[0] if payload else 1
    if len(payload) < end:
        message = "a frame ends within its name"
        raise WireError(message)
    return text(payload[1:end]), payload[end:]


def text(payload: Buffer) -> str:
    """UTF-8 of a frame. Raises `WireError`."""
    try:
        return bytes(payload).decode()
    except UnicodeDecodeError:
        message = "a frame's text is not UTF-8"
        raise WireError(message) from None


def amount(payload: Buffer) -> int:
    """The number in a CREDIT frame. Raises `WireError`."""
    if len(payload) != 4:
        message = f"a credit of {len(payload)} bytes instead of 4"
        raise WireError(message)
    return int.from_bytes(payload, "big")
