"""Calls of tools in an answer: their ids, and how they look."""

from __future__ import annotations

from hashlib import blake2b

from exo_core.frozen import JsonValue
from exo_core.identifiers import RequestId


def call_id(request_id: RequestId, choice: int, call: int) -> str:
    """The same whenever that call of that choice is told again."""
    return f"call_{blake2b(f'{request_id} {choice} {call}'.encode(), digest_size=12).hexdigest()}"


def whole_call(identifier: str, name: str, arguments: str) -> dict[str, JsonValue]:
    """A call that is complete."""
    return {"id": identifier, "type": "function", "function": {"name": name, "arguments": arguments}}


def begun_call(call: int, identifier: str, name: str, arguments: str) -> dict[str, JsonValue]:
    """The first that a stream says of a call."""
    return {"index": call, **whole_call(identifier, name, arguments)}


def more_of_call(call: int, arguments: str) -> dict[str, JsonValue]:
    """What a stream says of it later."""
    return {"index": call, "function": {"arguments": arguments}}
