"""May these bytes be decoded without allocating much more than they are long?

MessagePack says how long a string or an array is before it comes, and a decoder makes room for it at once. Nested
arrays that each promise a million elements would cost gigabytes. So the headers are walked first: what is promised and
not yet seen must never be more than the bytes that are left (every element takes at least one).
"""

from __future__ import annotations

from typing import Literal

from exo_core.errors import WireError
from exo_core.transports import Buffer

MAXIMUM_DEPTH = 64
"""How deep arrays and maps may be nested."""

Kind = Literal["plain", "bytes", "array", "map", "forbidden"]


def _kind_of(first: int) -> tuple[Kind, int, int]:
    """What a value that begins with this byte is: kind, bytes of its length field, and its fixed length or count."""
    if first <= 0x7F or first >= 0xE0:
        return "plain", 0, 0
    if first <= 0x8F:
        return "map", 0, first & 0x0F
    if first <= 0x9F:
        return "array", 0, first & 0x0F
    if first <= 0xBF:
        return "bytes", 0, first & 0x1F
    return _LONG_FORMS.get(first, ("forbidden", 0, 0))


_LONG_FORMS: dict[int, tuple[Kind, int, int]] = {
    0xC0: ("plain", 0, 0),  # nil
    0xC2: ("plain", 0, 0),  # false
    0xC3: ("plain", 0, 0),  # true
    0xC4: ("bytes", 1, 0),  # bin 8, 16, 32
    0xC5: ("bytes", 2, 0),
    0xC6: ("bytes", 4, 0),
    0xCB: ("bytes", 0, 8),  # float 64; float 32 is forbidden: one form for one value
    0xCC: ("bytes", 0, 1),  # unsigned 8, 16, 32, 64
    0xCD: ("bytes", 0, 2),
    0xCE: ("bytes", 0, 4),
    0xCF: ("bytes", 0, 8),
    0xD0: ("bytes", 0, 1),  # signed 8, 16, 32, 64
    0xD1: ("bytes", 0, 2),
    0xD2: ("bytes", 0, 4),
    0xD3: ("bytes", 0, 8),
    0xD9: ("bytes", 1, 0),  # str 8, 16, 32
    0xDA: ("bytes", 2, 0),
    0xDB: ("bytes", 4, 0),
    0xDC: ("array", 2, 0),  # array 16, 32
    0xDD: ("array", 4, 0),
    0xDE: ("map", 2, 0),  # map 16, 32
    0xDF: ("map", 4, 0),
}

_FORMS = tuple(_kind_of(first) for first in range(256))


def check_bounds(data: Buffer) -> None:
    """Raise `WireError` unless `data` is one whole MessagePack value of allowed types, depth and promised size."""
    position, end = 0, len(data)
    promised = 1  # values announced and not yet begun, of all levels together
    open_counts: list[int] = []  # per open array or map: values it still lacks
    while promised:
        if position >= end:
            message = "the value ends before its last element"
            raise WireError(message)
        kind, width, count = _FORMS[data[position]]
        position += 1
        if width:
            count = int.from_bytes(data[position : position + width], "big")
            position += width
        promised -= 1
        if open_counts:
            open_counts[-1] -= 1
        if kind == "bytes":
            position += count
        elif kind == "forbidden":
            message = f"byte 0x{data[position - 1]:02x} begins no value that exo sends"
            raise WireError(message)
        elif kind != "plain" and count:
            elements = count if kind == "array" else 2 * count
            promised += elements
            open_counts.append(elements)
            if len(open_counts) > MAXIMUM_DEPTH:
                message = f"arrays and maps are nested deeper than {MAXIMUM_DEPTH}"
                raise WireError(message)
        if promised > end - position:
            message = f"{promised} elements are promised and {max(0, end - position)} bytes are left"
            raise WireError(message)
        while open_counts and not open_counts[-1]:
            open_counts.pop()
    if position != end:
        message = f"{end - position} bytes follow the value"
        raise WireError(message)
