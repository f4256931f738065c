"""LiteLLM, which many agents speak through."""

from __future__ import annotations

from typing import Any

import litellm
from shared import BASE_URL, CALLER, QUESTION, WEATHER, Person, check_weather, raises, run, until_idle

ASKED: dict[str, Any] = {"model": f"openai/{CALLER}", "messages": QUESTION, "api_base": BASE_URL, "api_key": "unused"}


def plain() -> None:
    """Text, and how many tokens it has."""
    answer = litellm.completion(**ASKED, temperature=0, max_tokens=12)
    assert answer.choices[0].message.content
    assert answer.usage.completion_tokens == 12


def streamed() -> None:
    """The same text in pieces."""
    whole = litellm.completion(**ASKED, temperature=0, max_tokens=12)
    chunks = list(litellm.completion(**ASKED, temperature=0, max_tokens=12, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == whole.choices[0].message.content


def tools() -> None:
    """A required call, whole and in pieces, and its answer."""
    tooled = {**ASKED, "tools": [WEATHER], "tool_choice": "required", "parallel_tool_calls": False, "seed": 1}
    message = litellm.completion(**tooled).choices[0].message
    check_weather(message.tool_calls[0].function.arguments)
    chunks = list(litellm.completion(**tooled, stream=True))
    built = litellm.stream_chunk_builder(chunks).choices[0].message
    assert built.tool_calls[0].function.arguments == message.tool_calls[0].function.arguments
    told = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "rain"}
    after = {**ASKED, "messages": [*QUESTION, message.model_dump(), told]}
    assert litellm.completion(**after, tools=[WEATHER], max_tokens=20).choices[0].finish_reason


def structured() -> None:
    """An answer in a model of pydantic."""
    answer = litellm.completion(**ASKED, response_format=Person, seed=1)
    Person.model_validate_json(answer.choices[0].message.content)


def errors() -> None:
    """They have their kinds."""
    raises(litellm.NotFoundError, lambda: litellm.completion(**{**ASKED, "model": "openai/nobody/knows"}))
    raises(litellm.BadRequestError, lambda: litellm.completion(**ASKED, temperature=-1))


def cancelled() -> None:
    """A stream that is left ends its request."""
    stream = litellm.completion(**ASKED, stream=True, extra_body={"ignore_eos": True})
    next(iter(stream))
    stream.completion_stream.response.close()
    until_idle()


run(plain, streamed, tools, structured, errors, cancelled)
