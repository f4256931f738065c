"""A conversation's messages: checked as far as every chat template needs them, and otherwise passed on untouched."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from exo_core.frozen import JsonValue
from exo_http.errors import ApiError

Role = Literal["system", "developer", "user", "assistant", "tool"]


class ContentPart(BaseModel):
    """A piece of a message. Only text so far."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    type: str
    text: str | None = None


class Message(BaseModel):
    """One message; further fields (`name`, `tool_calls`, `tool_call_id`, …) are the template's business."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    role: Role
    content: str | Annotated[tuple[ContentPart, ...], Field(max_length=10_000, fail_fast=True)] | None = None


Messages = Annotated[tuple[Message, ...], Field(min_length=1, max_length=20_000, fail_fast=True)]


def template_message(message: Message, position: int) -> dict[str, JsonValue]:
    """A message as chat templates expect it: its content one string. Raises `ApiError` 400."""
    extra: dict[str, JsonValue] = message.__pydantic_extra__ or {}
    role = "system" if message.role == "developer" else message.role  # no template knows OpenAI's newer word
    return {"role": role, "content": _text(message, position), **extra}


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
