"""Documented fields that cannot be honoured yet: a 400 that names them is better than an answer that ignores them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from exo_http.errors import ApiError

if TYPE_CHECKING:
    from exo_api_openai.chat_request import ChatRequest


def refuse_unsupported(body: ChatRequest) -> None:
    """Raises `ApiError` 400 for the first field that asks for what is not there."""
    for field, reason in REASONS.items():
        if ASKS[field](body):
            raise ApiError(400, "unsupported_parameter", f"{field}: {reason}", param=field)


def _asks_for_tools(body: ChatRequest) -> bool:
    return bool(body.tools) and body.tool_choice != "none"


def _asks_for_format(body: ChatRequest) -> bool:
    return body.response_format is not None and body.response_format.get("type") != "text"


def _asks_for_audio(body: ChatRequest) -> bool:
    return bool(body.modalities) and body.modalities != ("text",)


ASKS: Mapping[str, Callable[[ChatRequest], bool]] = {
    "tools": _asks_for_tools,
    "tool_choice": lambda body: not body.tools and body.tool_choice not in (None, "none", "auto"),
    "functions": lambda body: bool(body.functions) and body.function_call != "none",
    "function_call": lambda body: not body.functions and body.function_call not in (None, "none", "auto"),
    "response_format": _asks_for_format,
    "modalities": _asks_for_audio,
    "audio": lambda body: body.audio is not None,
    "verbosity": lambda body: body.verbosity not in (None, "medium"),
    "web_search_options": lambda body: body.web_search_options is not None,
}

REASONS: Mapping[str, str] = {
    "tools": 'tool calls are not there yet; leave them out, or send "tool_choice": "none"',
    "tool_choice": "there are no tools to choose",
    "functions": 'tool calls are not there yet; leave them out, or send "function_call": "none"',
    "function_call": "there are no functions to call",
    "response_format": 'only {"type": "text"} is there yet',
    "modalities": 'only ["text"] is there',
    "audio": "there is no audio",
    "verbosity": "models here have no such setting; ask for short or long answers in the prompt",
    "web_search_options": "nothing here searches the web",
}
