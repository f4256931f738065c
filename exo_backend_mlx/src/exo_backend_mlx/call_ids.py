"""Ids of earlier calls as a model's chat template wants them: some refuse others, some models learn wrong ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b

from exo_core.frozen import JsonValue

Message = dict[str, JsonValue]
NameCall = Callable[[str, int, str], str]
"""From a function's name, the number of the call in the conversation and the client's id to the template's."""


def nine_letters(name: str, number: int, identifier: str) -> str:
    """Mistral's templates take no other."""
    del name
    if re.fullmatch("[a-zA-Z0-9]{9}", identifier):
        return identifier
    return blake2b(f"{identifier or number}".encode()).hexdigest()[:9]


def numbered(name: str, number: int, identifier: str) -> str:
    """Kimi's models write it themselves, and copy what they see."""
    del identifier
    return f"functions.{name}:{number}"


def with_call_ids(messages: Sequence[Message], name_call: NameCall) -> list[Message]:
    """The messages with every call named so, and the answers of tools that refer to it."""
    names: dict[str, str] = {}
    count = 0
    renamed: list[Message] = []
    for message in messages:
        changes: Message = {}
        calls = message.get("tool_calls")
        if isinstance(calls, list):
            changes["tool_calls"] = [_named(call, count + at, name_call, names) for at, call in enumerate(calls)]
            count += len(calls)
        answered = message.get("tool_call_id")
        if isinstance(answered, str):
            changes["tool_call_id"] = names.get(answered) or name_call("", count, answered)
        renamed.append(message | changes)
    return renamed


def _named(call: JsonValue, number: int, name_call: NameCall, names: dict[str, str]) -> JsonValue:
    if not isinstance(call, dict):
        return call
    identifier = call.get("id")
    known = identifier if isinstance(identifier, str) else ""
    named = name_call(_function_name(call), number, known)
    names[known] = named
    return {**call, "id": named}


def _function_name(call: Mapping[str, JsonValue]) -> str:
    function = call.get("function")
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) else ""
