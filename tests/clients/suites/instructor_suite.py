"""Instructor, which turns answers into models of pydantic."""

from __future__ import annotations

import instructor
import openai
from instructor import Mode
from openai import OpenAI
from shared import BASE_URL, CALLER, QUESTION, Person, raises, run, until_idle


def client(mode: Mode) -> instructor.Instructor:
    """In one of its ways."""
    return instructor.from_openai(OpenAI(base_url=BASE_URL, api_key="unused", max_retries=0), mode=mode)


def by_call() -> None:
    """A named function has to be called."""
    person = client(Mode.TOOLS).chat.completions.create(model=CALLER, messages=QUESTION, response_model=Person)
    assert isinstance(person, Person)


def by_strict_call() -> None:
    """The same with `strict`."""
    person = client(Mode.TOOLS_STRICT).chat.completions.create(model=CALLER, messages=QUESTION, response_model=Person)
    assert isinstance(person, Person)


def structured() -> None:
    """By a JSON schema."""
    person = client(Mode.JSON_SCHEMA).chat.completions.create(model=CALLER, messages=QUESTION, response_model=Person)
    assert isinstance(person, Person)


def streamed() -> None:
    """A model that fills up while it comes."""
    parts = list(
        client(Mode.TOOLS).chat.completions.create_partial(model=CALLER, messages=QUESTION, response_model=Person)
    )
    Person.model_validate(parts[-1].model_dump())


def plain() -> None:
    """Without a model it is OpenAI's client."""
    answer = client(Mode.TOOLS).chat.completions.create(
        model=CALLER, messages=QUESTION, response_model=None, max_tokens=12
    )
    assert answer.choices[0].message.content


def errors() -> None:
    """They have their kinds."""
    ask = client(Mode.TOOLS).chat.completions.create
    raises(
        Exception,
        lambda: ask(model="nobody/knows", messages=QUESTION, response_model=Person, max_retries=0),
    )
    raises(openai.BadRequestError, lambda: ask(model=CALLER, messages=QUESTION, response_model=None, temperature=-1))


def cancelled() -> None:
    """A stream that is left ends its request."""
    stream = client(Mode.TOOLS).chat.completions.create(
        model=CALLER, messages=QUESTION, response_model=None, stream=True, extra_body={"ignore_eos": True}
    )
    next(iter(stream))
    stream.close()
    until_idle()


run(plain, by_call, by_strict_call, structured, streamed, errors, cancelled)
