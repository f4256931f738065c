"""The body of `POST /v1/chat/completions`: every documented field, and how it is treated.

Validation and the table in FIELDS.md both come from here.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from exo_api_openai.messages import Messages, template_messages
from exo_api_openai.response_format import ResponseFormat, grammar_of, template_argument
from exo_api_openai.sampling_fields import SamplingFields, TokenLimit, sampling_of, stop_texts
from exo_api_openai.tool_fields import ToolChoice, Tools, template_tools, tool_use_of
from exo_core.frozen import JsonValue
from exo_core.identifiers import RequestId
from exo_core.requests import ChatPrompt, Generate
from exo_http.errors import ApiError
from exo_http.treatments import Extension, Honoured, Refused, WithoutEffect, refuse_by_name

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
    reasoning_effort: Annotated[
        Effort | None,
        Honoured("given to the chat template, which may know it; `none` says `enable_thinking` false too"),
    ] = None
    tools: Annotated[
        Tools | None, Honoured("functions; the model's chat template has to know tools, and the model their calls")
    ] = None
    tool_choice: Annotated[
        ToolChoice | None, Honoured("`none`, `auto`, `required`, a function by name, or `allowed_tools`")
    ] = None
    parallel_tool_calls: Annotated[bool | None, Honoured("false: one call at most")] = None
    response_format: Annotated[
        ResponseFormat | None, Honoured("an answer that ends by itself is such JSON, whatever the model is inclined to")
    ] = None
    chat_template_kwargs: Annotated[
        dict[str, JsonValue] | None, Extension("given to the chat template, which may know them")
    ] = None
    enable_thinking: Annotated[bool | None, Extension("given to the chat template, which may know it")] = None

    metadata: Annotated[Metadata | None, WithoutEffect("nothing is stored")] = None
    store: Annotated[bool | None, WithoutEffect("nothing is stored")] = None
    service_tier: Annotated[str | None, WithoutEffect("there is one tier")] = None
    safety_identifier: Annotated[str | None, WithoutEffect("nobody is reported")] = None
    prompt_cache_key: Annotated[str | None, WithoutEffect("prefixes are found without it")] = None
    prompt_cache_options: Annotated[dict[str, JsonValue] | None, WithoutEffect("prefixes are found without it")] = None
    prompt_cache_retention: Annotated[str | None, WithoutEffect("what is used last is kept longest")] = None
    prediction: Annotated[dict[str, JsonValue] | None, WithoutEffect("a guess that may only save time")] = None

    functions: Annotated[
        Objects | None,
        Refused(
            "the older form of `tools`: send those",
            unless=([],),
            unless_field=("function_call", "none"),
        ),
    ] = None
    function_call: Annotated[
        JsonValue, Refused("the older form of `tool_choice`: send that", unless=("none", "auto"))
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
    tool_use = tool_use_of(body.tools, body.tool_choice, body.parallel_tool_calls)
    tools = template_tools(body.tools)
    prompt = ChatPrompt(
        messages=template_messages(body.messages),
        tools=tools if tool_use is not None else (),
        template_arguments=_template_arguments(body),
    )
    return Generate(
        request_id=request_id,
        prompt=prompt,
        sampling=sampling_of(body, _logprobs(body)),
        max_tokens=body.max_completion_tokens or body.max_tokens,
        stop=stop_texts(body),
        choices=body.n or 1,
        grammar=grammar_of(body.response_format),
        tool_use=tool_use,
        exact=bool(body.exact),
    )


def _template_arguments(body: ChatRequest) -> dict[str, JsonValue]:
    """What is told by a field of its own goes before what `chat_template_kwargs` says of it."""
    arguments = {**(body.chat_template_kwargs or {}), **template_argument(body.response_format)}
    if body.reasoning_effort is not None:
        arguments["reasoning_effort"] = body.reasoning_effort
    thinks = False if body.enable_thinking is None and body.reasoning_effort == "none" else body.enable_thinking
    if thinks is not None:
        arguments["enable_thinking"] = thinks
    return arguments


def _logprobs(body: ChatRequest) -> int | None:
    if body.logprobs:
        return body.top_logprobs or 0
    if body.top_logprobs:
        raise ApiError(400, "invalid_value", 'top_logprobs: only together with "logprobs": true', param="top_logprobs")
    return None
