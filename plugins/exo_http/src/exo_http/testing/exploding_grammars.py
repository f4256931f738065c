"""Formats of answers that no engine can hold an answer to: each is refused, however long finding out would take."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from exo_core.frozen import JsonValue
from exo_http.testing.stream_client import request_head

FIVE = ("^(a|b)*a(a|b){18}$", "^(a|b)*b(a|b){17}$", "^((a|b){7})*$", "^((a|b){11})*$", "^((a|b){13})*$")
SCHEMAS: Mapping[str, JsonValue] = {
    "five expressions at once": {"type": "string", "allOf": [{"pattern": pattern} for pattern in FIVE]},
    "an expression and a length": {"type": "string", "pattern": "(a|b)*a(a|b){20}c", "minLength": 1000},
    "as long as three primes want it": {
        "type": "string",
        "allOf": [{"pattern": f"^(a{{{n}}})+$"} for n in (1009, 1013, 1019)],
    },
    "look-around": {"type": "string", "pattern": "(?=a)b"},
    "a back-reference": {"type": "string", "pattern": r"(a)\1"},
    "10,000 groups deep": {"type": "string", "pattern": "(" * 10_000 + "a" + ")" * 10_000},
    "a multiple of a large prime": {"type": "integer", "multipleOf": 9999991},
}


def exploding_requests(url: str, model: str) -> Iterator[tuple[str, bytes]]:
    """Name and whole request of each."""
    for name, schema in SCHEMAS.items():
        wanted = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": schema}}
        body = json.dumps(
            {
                "model": model,
                "messages": [{"role": "user", "content": "x"}],
                "response_format": wanted,
                "max_tokens": 200,
            }
        ).encode()
        yield name, request_head(url, body) + body
