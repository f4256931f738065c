"""What JSON may hold of anything: so much that no honest body is refused, so little that checking it takes no time."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import cast

from exo_core.frozen import MAXIMUM_JSON_DEPTH, JsonValue
from exo_http.errors import ApiError

MOST_PARTS = 200_000
"""Of one body, counted by the time that reading them takes, during which nobody else is served: 20,000 messages fit."""
A_VALUE, A_NAME, A_CONTAINER = 1, 2, 3
MOST_FIELDS = 1000
"""Names in a body itself; each unknown one may be an error."""
_PIECE_BYTES = 2**16
_DIGITS_ALIKE = bytes.maketrans(b"123456789E", b"000000000e")
_MAY_BE_INFINITE = (b"0" * 300, b"e000", b"e+000")
"""No number without one of these, its digits made zeros, is too large for a float. A text may hold them too: then every
number is looked at. Four times as fast as an expression that says the same.
"""
_NO_NUMBERS = (b"NaN", b"Infinity")
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
"""Possessive, and an open one ends with the body: linear in any bytes."""


def check_counts(body: bytes) -> None:
    """Before anything is read from `body`. Raises `ApiError` 400 for more than reading may take time for."""
    if _parts(body) > MOST_PARTS and (_texts(body) > MOST_PARTS or _parts(_STRING.sub(b"", body)) > MOST_PARTS):
        what = (
            f"too much: a value counts {A_VALUE}, a name {A_NAME} and a list or object {A_CONTAINER} more, "
            f"{MOST_PARTS} are the most"
        )
        raise _holds(what)


def _parts(body: bytes) -> int:
    """What there is, and what only stands in texts; not to the end where it is too much before."""
    found = 0
    for start in range(0, len(body), _PIECE_BYTES):
        end = start + _PIECE_BYTES
        containers = body.count(b"[", start, end) + body.count(b"{", start, end)
        found += A_VALUE * body.count(b",", start, end) + A_NAME * body.count(b":", start, end)
        found += A_CONTAINER * containers
        if found > MOST_PARTS:
            break
    return found


def _texts(body: bytes) -> int:
    """At least so many texts; each is a value or a name."""
    return (body.count(b'"') - body.count(b'\\"')) // 2


def may_break_bounds(body: bytes) -> bool:
    """Whether `check_bounds` could find anything in it, or a reader of JSON a number that JSON has not.

    Of most bodies this is False, and they are read only once.
    """
    return (
        _brackets(body) > MAXIMUM_JSON_DEPTH
        or body.count(b":") > MOST_FIELDS
        or any(word in body for word in _NO_NUMBERS)
        or _may_be_infinite(body)
    )


def check_bounds(value: JsonValue, body: bytes) -> None:
    """Raises `ApiError` 400 for what `value`, read from `body`, has too much of."""
    if isinstance(value, dict) and len(value) > MOST_FIELDS:
        what = f"more than {MOST_FIELDS} fields"
        raise _holds(what)
    if _may_be_infinite(body) and not _is_finite(value):
        what = "a number that is too large"
        raise _holds(what)
    if _brackets(body) > MAXIMUM_JSON_DEPTH:
        _check_depth(value)


def _brackets(body: bytes) -> int:
    return body.count(b"[") + body.count(b"{")


def _may_be_infinite(body: bytes) -> bool:
    alike = body.translate(_DIGITS_ALIKE)
    return any(sign in alike for sign in _MAY_BE_INFINITE)


def _check_depth(value: JsonValue) -> None:
    """Level by level, so that what is too deep is not followed."""
    level = [value]
    for _ in range(MAXIMUM_JSON_DEPTH + 1):
        level = [item for container in level for item in _containers(container)]
        if not level:
            return
    what = f"JSON nested deeper than {MAXIMUM_JSON_DEPTH}"
    raise _holds(what)


def _containers(value: JsonValue) -> Iterator[JsonValue]:
    inside = value.values() if isinstance(value, dict) else cast("list[JsonValue]", value)
    return (item for item in inside if isinstance(item, list | dict))


def _is_finite(value: JsonValue) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    return all(map(_is_finite, value)) if isinstance(value, list) else True


def _holds(what: str) -> ApiError:
    return ApiError(400, "invalid_json", f"the body holds {what}")
