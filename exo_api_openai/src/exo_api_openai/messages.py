"""A conversation's messages: checked as far as every chat template needs them, and otherwise passed on untouched."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from exo_core.frozen import JsonValue
from exo_http.errors import ApiError

Role = Literal["system", "developer", "user", "assistant", "tool"]


class ContentPart(BaseModel):
    """A piece of a message. Only text so far."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    type: str
    text: str | None = None


class CalledFunction(BaseModel):
    """What an assistant called. Clients say the arguments as JSON in a string; some as the object itself."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    name: str
    arguments: str | dict[str, JsonValue] = ""


class ToolCall(BaseModel):
    """A call that an assistant made earlier."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    function: CalledFunction


class Message(BaseModel):
    """One message; further fields (`name`, `tool_call_id`, `reasoning_content`, …) are the template's business."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    role: Role
    content: str | Annotated[tuple[ContentPart, ...], Field(max_length=10_000, fail_fast=True)] | None = None
    tool_calls: Annotated[tuple[ToolCall, ...], Field(max_length=1024, fail_fast=True)] | None = None


Messages = Annotated[tuple[Message, ...], Field(min_length=1, max_length=20_000, fail_fast=True)]


def template_messages(messages: Sequence[Message]) -> tuple[dict[str, JsonValue], ...]:
    """The messages as chat templates expect them. Raises `ApiError` 400."""
    if messages[-1].tool_calls:
        where = f"messages.{len(messages) - 1}.tool_calls"
        raise ApiError(400, "invalid_value", f"{where}: a call is followed by its tool message", param=where)
    return tuple(_template_message(message, position) for position, message in enumerate(messages))


def _template_message(message: Message, position: int) -> dict[str, JsonValue]:
    """Its content one string, the arguments of calls objects; a field that is null is left out."""
    extra = {name: value for name, value in (message.__pydantic_extra__ or {}).items() if value is not None}
    role = "system" if message.role == "developer" else message.role  # no template knows OpenAI's newer word
    calls: dict[str, JsonValue] = {}
    if message.tool_calls:
        calls["tool_calls"] = [_template_call(call) for call in message.tool_calls]
    return {"role": role, "content": _text(message, position), **calls, **extra}


def _template_call(call: ToolCall) -> dict[str, JsonValue]:
    document = cast("dict[str, JsonValue]", call.model_dump(exclude_unset=True))
    return {**document, "function": {**_function(call), "arguments": _arguments(call.function.arguments)}}


def _function(call: ToolCall) -> dict[str, JsonValue]:
    return cast("dict[str, JsonValue]", call.function.model_dump(exclude_unset=True))


def _arguments(arguments: str | dict[str, JsonValue]) -> JsonValue:
    """An object, where they are one: templates write it as the model learned to. Else what the client sent."""
    if isinstance(arguments, dict):
        return arguments
    try:
        parsed = cast("JsonValue", json.loads(arguments or "{}"))
    except ValueError:
        return arguments
    return parsed if isinstance(parsed, dict) else arguments


def _text(message: Message, position: int) -> str:
    if isinstance(message.content, str):
        return message.content
    if message.content is None:
        if message.role != "assistant":
            text = f"messages.{position}.content: a {message.role} message needs content"
            raise ApiError(400, "invalid_value", text, param=f"messages.{position}.content")
        return ""
    return "".join(_part_text(part, f"messages.{position}.content.{i}") for i, part in enumerate(message.content))


def _part_text(part: ContentPart, param: str) -> str:
    if part.type != "text":
        text = f"{param}: parts of type '{part.type[:50]}' are not there yet, only 'text'"
        raise ApiError(400, "unsupported_value", text, param=f"{param}.type")
    if part.text is None:
        raise ApiError(400, "invalid_value", f"{param}: a text part needs 'text'", param=f"{param}.text")
    return part.text
