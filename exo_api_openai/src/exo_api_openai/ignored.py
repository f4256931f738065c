"""Fields nobody here knows are accepted, and named in a header, so that a typing error can be found."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from urllib.parse import quote

from pydantic import BaseModel

from exo_http.treatments import unknown_fields

HEADER = "X-Exo-Ignored"
MOST_NAMES = 100
LONGEST_VALUE = 1000


def ignored_fields(body: BaseModel) -> Mapping[str, str]:
    """The header that names them, or none."""
    names = heapq.nsmallest(MOST_NAMES, unknown_fields(body))
    # A name may hold anything, a header not.
    shown = ", ".join(quote(name[:LONGEST_VALUE], safe="._-$") for name in names)
    return {HEADER: shown[:LONGEST_VALUE]} if shown else {}
