"""LangChain's client of OpenAI's API."""

from __future__ import annotations

import openai
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from shared import BASE_URL, CALLER, Person, WeatherOf, check_weather, raises, run, until_idle


@tool(args_schema=WeatherOf)
def weather(city: str, days: int) -> str:
    """The weather of a city."""
    return f"rain in {city} for {days} days"


def model(**settings: object) -> ChatOpenAI:
    """A client of the model that calls."""
    return ChatOpenAI(model=CALLER, base_url=BASE_URL, api_key="unused", max_retries=0, **settings)


def plain() -> None:
    """Text, and how many tokens it has."""
    answer = model(temperature=0, max_completion_tokens=12).invoke("What is the weather?")
    assert answer.text
    assert answer.usage_metadata["output_tokens"] == 12


def streamed() -> None:
    """The same text in pieces."""
    asked = model(temperature=0, max_completion_tokens=12)
    text = "".join(chunk.text for chunk in asked.stream("What is the weather?"))
    assert text == asked.invoke("What is the weather?").text


def tools() -> None:
    """A required call, whole and in pieces, and its answer."""
    asked = model(seed=1).bind_tools([weather], tool_choice="required", parallel_tool_calls=False)
    answer = asked.invoke("What is the weather?")
    (call,) = answer.tool_calls
    check_weather(call["args"])
    whole = None
    for chunk in asked.stream("What is the weather?"):
        whole = chunk if whole is None else whole + chunk
    assert [each["args"] for each in whole.tool_calls] == [call["args"]]
    told = ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"])
    said = [HumanMessage("What is the weather?"), answer, told]
    assert model(max_completion_tokens=20).bind_tools([weather]).invoke(said)


def structured() -> None:
    """An answer in a model of pydantic, by its schema and by a call."""
    for method in ("json_schema", "function_calling"):
        person = model(seed=1).with_structured_output(Person, method=method).invoke("Who?")
        assert isinstance(person, Person)


def errors() -> None:
    """They have their kinds."""
    unknown = ChatOpenAI(model="nobody/knows", base_url=BASE_URL, api_key="unused", max_retries=0)
    raises(openai.NotFoundError, lambda: unknown.invoke("x"))
    raises(openai.BadRequestError, lambda: model(temperature=-1).invoke("x"))


def cancelled() -> None:
    """A stream that is left ends its request."""
    stream = model(extra_body={"ignore_eos": True}).stream("x")
    next(stream)
    stream.close()
    until_idle()


run(plain, streamed, tools, structured, errors, cancelled)
