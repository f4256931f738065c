"""The body of `POST /v1/chat/completions`: every documented field."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from exo_api_openai.messages import Message, template_message
from exo_api_openai.sampling_fields import (
    SamplingFields,
    TokenLimit,
    check_stream_options,
    sampling_of,
    stop_texts,
)
from exo_api_openai.unsupported import refuse_unsupported
from exo_core.frozen import JsonValue
from exo_core.identifiers import RequestId
from exo_core.requests import ChatPrompt, Generate
from exo_http.errors import ApiError


class ChatRequest(SamplingFields):
    """What is honoured, what is accepted without effect, and (`unsupported`) what is refused by name."""

    model: Annotated[str, Field(min_length=1, max_length=4096)]
    messages: Annotated[tuple[Message, ...], Field(min_length=1)]
    max_tokens: TokenLimit | None = None
    max_completion_tokens: TokenLimit | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    """Given to the chat template, which may know it."""

    # Accepted without effect.
    metadata: dict[str, JsonValue] | None = None
    store: bool | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    parallel_tool_calls: bool | None = None
    prediction: dict[str, JsonValue] | None = None
    """A guess that may only save time."""

    # Refused unless they ask for what happens anyway: see `unsupported`.
    tools: tuple[dict[str, JsonValue], ...] | None = None
    tool_choice: JsonValue = None
    functions: tuple[dict[str, JsonValue], ...] | None = None
    function_call: JsonValue = None
    response_format: dict[str, JsonValue] | None = None
    modalities: tuple[str, ...] | None = None
    audio: dict[str, JsonValue] | None = None
    verbosity: str | None = None
    web_search_options: dict[str, JsonValue] | None = None


def generate_of(body: ChatRequest, request_id: RequestId) -> Generate:
    """What the engine is asked. Raises `ApiError` 400 that names a field."""
    refuse_unsupported(body)
    check_stream_options(body)
    arguments: dict[str, JsonValue] = {"reasoning_effort": body.reasoning_effort} if body.reasoning_effort else {}
    messages = tuple(template_message(message, position) for position, message in enumerate(body.messages))
    return Generate(
        request_id=request_id,
        prompt=ChatPrompt(messages=messages, template_arguments=arguments),
        sampling=sampling_of(body, _logprobs(body)),
        max_tokens=body.max_completion_tokens or body.max_tokens,
        stop=stop_texts(body),
        choices=body.n or 1,
    )


def _logprobs(body: ChatRequest) -> int | None:
    if body.logprobs:
        return body.top_logprobs or 0
    if body.top_logprobs:
        raise ApiError(400, "invalid_value", 'top_logprobs: only together with "logprobs": true', param="top_logprobs")
    return None
