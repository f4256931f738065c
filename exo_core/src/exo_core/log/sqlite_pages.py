"""Which rows stand in the pages of a file that SQLite no longer reads?

A wrong byte in an inner page of a table hides all the rows below it, though they are unharmed. So the leaf pages are
read here without any of what leads to them, as SQLite's file format describes them: by what their rows look like. The
caller tells by checksums which of them are rows; much will be none, and some will be of earlier versions of a page.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress

PAGE_BYTES = 4096
_FIRST_PAGE = b"SQLite format 3"
_LEAF_HEADER = 8
WAL_HEADER = 32
FRAME_HEADER = 24
_MOST_LOCAL = PAGE_BYTES - 35
_LEAST_LOCAL = (PAGE_BYTES - 12) * 32 // 255 - 23
_FIRST_BLOB = 12
_INTEGER_BYTES = (0, 1, 2, 3, 4, 6, 8)
_FLOAT = 7
_ZERO, _ONE = 8, 9


def rows_in(file: bytes, wal: bytes) -> Iterator[tuple[object, ...]]:
    """Rowid and columns of all that may be a row, in the file and in its write-ahead log.

    The first page has the tables' names and nothing else, and is known by its text: a page that says it is the first
    may be another one whose number is wrong.
    """
    pages = [file[start : start + PAGE_BYTES] for start in range(0, len(file), PAGE_BYTES)]
    frames = list(_frames(wal))
    newest = {**dict(enumerate(pages, start=1)), **dict(frames)}
    for page in (*pages, *(page for _, page in frames)):
        if page[:1] > b"\0" and not page.startswith(_FIRST_PAGE):  # one with zero is empty, or more of a long row
            yield from _rows_of(page, newest)


def _frames(wal: bytes) -> Iterator[tuple[int, bytes]]:
    """Page number and page of each frame of a write-ahead log."""
    for start in range(WAL_HEADER, len(wal), FRAME_HEADER + PAGE_BYTES):
        begin = start + FRAME_HEADER
        yield int.from_bytes(wal[start : start + 4], "big"), wal[begin : begin + PAGE_BYTES]


def _rows_of(page: bytes, pages: dict[int, bytes]) -> Iterator[tuple[object, ...]]:
    """The cells that the page's pointers lead to: as many as it says, and on until cells begin."""
    place = _LEAF_HEADER
    said = place + 2 * int.from_bytes(page[3:5], "big")
    cells_begin = len(page)
    while place + 2 <= min(len(page), max(said, cells_begin)):
        cell = int.from_bytes(page[place : place + 2], "big")
        place += 2
        if place > said and not cell:
            return
        with suppress(IndexError, ValueError, struct.error):
            yield _row_at(page, cell, pages)
            cells_begin = min(cells_begin, cell)


def _row_at(page: bytes, place: int, pages: dict[int, bytes]) -> tuple[object, ...]:
    size, place = _number_at(page, place)
    row_id, place = _number_at(page, place)
    local = size if size <= _MOST_LOCAL else _LEAST_LOCAL + (size - _LEAST_LOCAL) % (PAGE_BYTES - 4)
    local = local if local <= _MOST_LOCAL else _LEAST_LOCAL
    payload = page[place : place + local]
    if size > local:
        (following,) = struct.unpack_from(">I", page, place + local)
        payload += _overflow(following, size - local, pages)
    return _columns(row_id, payload)


def _overflow(following: int, size: int, pages: dict[int, bytes]) -> bytes:
    """The rest of a long row, page after page."""
    pieces: list[bytes] = []
    while size > 0 and following in pages:
        page = pages[following]
        pieces.append(page[4 : 4 + size])
        size -= PAGE_BYTES - 4
        following = int.from_bytes(page[:4], "big")
        if len(pieces) > len(pages):  # a circle
            raise ValueError
    return b"".join(pieces)


def _columns(row_id: int, payload: bytes) -> tuple[object, ...]:
    end, place = _number_at(payload, 0)
    kinds: list[int] = []
    while place < end:
        kind, place = _number_at(payload, place)
        kinds.append(kind)
    values: list[object] = [row_id]
    for kind in kinds:
        width = _width(kind)
        values.append(_value(kind, payload[place : place + width]))
        place += width
    return tuple(values)


def _width(kind: int) -> int:
    if kind >= _FIRST_BLOB:
        return (kind - _FIRST_BLOB) // 2
    return 8 if kind == _FLOAT else 0 if kind in (_ZERO, _ONE) else _INTEGER_BYTES[kind]


def _value(kind: int, content: bytes) -> object:
    if kind >= _FIRST_BLOB:
        return content.decode() if kind % 2 else content
    if kind in (_ZERO, _ONE):
        return kind - _ZERO
    return int.from_bytes(content, "big", signed=True) if kind else None


def _number_at(content: bytes, place: int) -> tuple[int, int]:
    """A number of SQLite's variable length (seven bits a byte, the ninth byte whole), and where it ends."""
    number = 0
    for _ in range(8):
        byte = content[place]
        place += 1
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            return number, place
    return number << 8 | content[place], place + 1
