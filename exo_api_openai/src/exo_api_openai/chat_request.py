"""The body of `POST /v1/chat/completions`: every documented field, and how it is treated.

Validation and the table in FIELDS.md both come from here.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from exo_api_openai.messages import Messages, template_message
from exo_api_openai.sampling_fields import SamplingFields, TokenLimit, sampling_of, stop_texts
from exo_core.identifiers import RequestId
from exo_core.requests import ChatPrompt, Generate
from exo_http.errors import ApiError
from exo_http.treatments import Honoured, Refused, WithoutEffect, refuse_by_name

Objects = Annotated[tuple[dict[str, JsonValue], ...], Field(max_length=1024, fail_fast=True)]
Metadata = Annotated[dict[str, JsonValue], Field(max_length=64)]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class ChatRequest(SamplingFields):
    """What a client may ask of a conversation."""

    messages: Annotated[Messages, Honoured("a trailing assistant message is continued")]
    max_completion_tokens: Annotated[TokenLimit | None, Honoured("until the context is full unless told")] = None
    max_tokens: Annotated[TokenLimit | None, Honoured("the older name; `max_completion_tokens` goes first")] = None
    logprobs: Annotated[bool | None, Honoured("after penalties and biases, before temperature")] = None
    top_logprobs: Annotated[Annotated[int, Field(ge=0, le=20)] | None, Honoured("only together with `logprobs`")] = None
    reasoning_effort: Annotated[Effort | None, Honoured("given to the chat template, which may know it")] = None

    metadata: Annotated[Metadata | None, WithoutEffect("nothing is stored")] = None
    store: Annotated[bool | None, WithoutEffect("nothing is stored")] = None
    service_tier: Annotated[str | None, WithoutEffect("there is one tier")] = None
    safety_identifier: Annotated[str | None, WithoutEffect("nobody is reported")] = None
    prompt_cache_key: Annotated[str | None, WithoutEffect("prefixes are found without it")] = None
    prompt_cache_options: Annotated[dict[str, JsonValue] | None, WithoutEffect("prefixes are found without it")] = None
    prompt_cache_retention: Annotated[str | None, WithoutEffect("what is used last is kept longest")] = None
    prediction: Annotated[dict[str, JsonValue] | None, WithoutEffect("a guess that may only save time")] = None
    parallel_tool_calls: Annotated[bool | None, WithoutEffect("there are no tool calls yet")] = None

    tools: Annotated[
        Objects | None,
        Refused(
            'tool calls are not there yet; leave them out, or send "tool_choice": "none"',
            unless=([],),
            unless_field=("tool_choice", "none"),
        ),
    ] = None
    tool_choice: Annotated[JsonValue, Refused("tool calls are not there yet", unless=("none", "auto"))] = None
    functions: Annotated[
        Objects | None,
        Refused(
            'tool calls are not there yet; leave them out, or send "function_call": "none"',
            unless=([],),
            unless_field=("function_call", "none"),
        ),
    ] = None
    function_call: Annotated[JsonValue, Refused("tool calls are not there yet", unless=("none", "auto"))] = None
    response_format: Annotated[
        dict[str, JsonValue] | None, Refused("only plain text is there yet", unless=({"type": "text"},))
    ] = None
    modalities: Annotated[
        Annotated[tuple[str, ...], Field(max_length=16, fail_fast=True)] | None,
        Refused("only text is there", unless=(["text"], [])),
    ] = None
    audio: Annotated[dict[str, JsonValue] | None, Refused("there is no audio")] = None
    moderation: Annotated[dict[str, JsonValue] | None, Refused("nothing here moderates")] = None
    verbosity: Annotated[
        str | None,
        Refused(
            "models here have no such setting; ask for short or long answers in the prompt",
            unless=("medium",),
        ),
    ] = None
    web_search_options: Annotated[dict[str, JsonValue] | None, Refused("nothing here searches the web")] = None


def generate_of(body: ChatRequest, request_id: RequestId) -> Generate:
    """What the engine is asked. Raises `ApiError` 400 that names a field."""
    refuse_by_name(body)
    messages = tuple(template_message(message, position) for position, message in enumerate(body.messages))
    effort = {"reasoning_effort": body.reasoning_effort} if body.reasoning_effort else {}
    return Generate(
        request_id=request_id,
        prompt=ChatPrompt(messages=messages, template_arguments={**effort}),
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
