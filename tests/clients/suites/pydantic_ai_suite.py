"""Pydantic AI, agents with typed tools and answers."""

from __future__ import annotations

import asyncio

from pydantic_ai import Agent, ModelHTTPError, NativeOutput, Tool, UsageLimits
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from shared import BASE_URL, CALLER, Person, WeatherOf, raises, run, until_idle


def model(name: str = CALLER) -> OpenAIChatModel:
    """A client of the model that calls."""
    return OpenAIChatModel(name, provider=OpenAIProvider(base_url=BASE_URL, api_key="unused"))


def plain() -> None:
    """Text, and how many tokens it has."""
    result = Agent(model()).run_sync("What is the weather?", model_settings={"temperature": 0, "max_tokens": 12})
    assert result.output
    assert result.usage.output_tokens == 12


def streamed() -> None:
    """The same text in pieces."""

    async def stream() -> str:
        settings = {"temperature": 0, "max_tokens": 12}
        async with Agent(model()).run_stream("What is the weather?", model_settings=settings) as result:
            return [text async for text in result.stream_text()][-1]

    whole = Agent(model()).run_sync("What is the weather?", model_settings={"temperature": 0, "max_tokens": 12})
    assert asyncio.run(stream()) == whole.output


def structured() -> None:
    """An answer in a model of pydantic, by a required call and by its schema."""
    for kind in (Person, NativeOutput(Person)):
        result = Agent(model(), output_type=kind).run_sync("Who?", model_settings={"seed": 1})
        assert isinstance(result.output, Person)


def tools() -> None:
    """Calls are made, and their results go back, until the agent has its answer."""
    made: list[WeatherOf] = []

    def weather(asked: WeatherOf) -> str:
        """The weather of a city."""
        made.append(asked)
        return "rain"

    agent = Agent(model(), output_type=Person, tools=[Tool(weather)])
    for seed in range(40):
        result = agent.run_sync("Who?", model_settings={"seed": seed}, usage_limits=UsageLimits(request_limit=50))
        assert isinstance(result.output, Person)
        if made:
            break
    assert made


def errors() -> None:
    """They have their status."""
    raises(ModelHTTPError, lambda: Agent(model("nobody/knows")).run_sync("x"))
    raises(ModelHTTPError, lambda: Agent(model()).run_sync("x", model_settings={"temperature": -1}))


def cancelled() -> None:
    """A stream that is left ends its request."""

    async def leave() -> None:
        settings = {"extra_body": {"ignore_eos": True}}
        async with Agent(model()).run_stream("x", model_settings=settings) as result:
            async for _ in result.stream_text():
                break

    asyncio.run(leave())
    until_idle()


run(plain, streamed, structured, tools, errors, cancelled)
