"""What JSON may hold of anything: so much that no honest body is refused, so little that checking it takes no time."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import cast

from exo_core.frozen import MAXIMUM_JSON_DEPTH, JsonValue
from exo_http.errors import ApiError

MOST_CONTAINERS = 100_000
"""Lists and objects in one body."""
MOST_VALUES = 500_000
"""Values in one body, those in lists and objects."""
MOST_FIELDS = 1000
"""Names in a body itself; each unknown one may be an error."""
_MAY_BE_INFINITE = re.compile(rb"[eE]\+?[0-9]{3}|[0-9]{300}")
"""No number without one of these is too large for a float. A text may hold them too: then every number is looked at."""
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
"""Possessive, and an open one ends with the body: linear in any bytes."""


def check_counts(body: bytes) -> None:
    """Before anything is read from `body`. Raises `ApiError` 400 for more values than reading may take time for."""
    if _has_too_many(body) is not None:  # a text may hold any number of commas and brackets
        what = _has_too_many(_STRING.sub(b"", body))
        if what is not None:
            raise _holds(what)


def _has_too_many(body: bytes) -> str | None:
    if body.count(b"[") + body.count(b"{") > MOST_CONTAINERS:
        return f"more than {MOST_CONTAINERS} lists and objects"
    return f"more than {MOST_VALUES} values" if body.count(b",") > MOST_VALUES else None


def check_bounds(value: JsonValue, body: bytes) -> None:
    """Raises `ApiError` 400 for what `value`, read from `body`, has too much of."""
    if isinstance(value, dict) and len(value) > MOST_FIELDS:
        what = f"more than {MOST_FIELDS} fields"
        raise _holds(what)
    if _MAY_BE_INFINITE.search(body) and not _is_finite(value):
        what = "a number that is too large"
        raise _holds(what)
    if body.count(b"[") + body.count(b"{") > MAXIMUM_JSON_DEPTH:
        _check_depth(value)


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
