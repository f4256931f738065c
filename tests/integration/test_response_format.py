"""A real node with `tiny`, held to JSON: whole and streamed, refused, and while its runner is killed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from typing import Annotated, Literal

import psutil
import pytest
from openai import BadRequestError, OpenAI
from openai.types.shared_params import ResponseFormatJSONSchema
from pydantic import BaseModel, Field

from exo_core.testing.node_process import NodeProcess

MakeCluster = Callable[..., list[NodeProcess]]


class Person(BaseModel):
    """What a program wants to know."""

    name: Annotated[str, Field(max_length=12)]
    age: Annotated[int, Field(ge=0, lt=200)]
    tags: Annotated[list[Literal["kind", "quick"]], Field(max_length=3)]


def schema(document: dict[str, object]) -> ResponseFormatJSONSchema:
    return {"type": "json_schema", "json_schema": {"name": "wanted", "schema": document, "strict": True}}


WORDS = schema({"type": "array", "items": {"type": "string", "maxLength": 8}, "minItems": 15, "maxItems": 15})


@pytest.fixture(scope="module")
def node(make_cluster: MakeCluster) -> NodeProcess:
    """One machine."""
    return make_cluster(1)[0]


@pytest.fixture
def client(node: NodeProcess) -> Iterator[OpenAI]:
    """The official client, without retries of its own."""
    with OpenAI(base_url=f"{node.url}/v1", api_key="unused", max_retries=0, timeout=60) as opened:
        yield opened


def below(node: NodeProcess) -> list[psutil.Process]:
    """Its runners, and what they started."""
    return psutil.Process(node.process.pid).children(recursive=True)


def pieces(client: OpenAI, response_format: ResponseFormatJSONSchema) -> Iterator[str]:
    """An answer as it is streamed; the same every time."""
    stream = client.chat.completions.create(
        model="tiny",
        messages=[{"role": "user", "content": "Some words, please."}],
        response_format=response_format,
        seed=7,
        stream=True,
    )
    for chunk in stream:
        yield chunk.choices[0].delta.content or ""
        assert chunk.choices[0].finish_reason in (None, "stop")


def test_a_program_gets_what_it_asked_for(client: OpenAI) -> None:
    completion = client.chat.completions.parse(
        model="tiny", messages=[{"role": "user", "content": "Who are you?"}], response_format=Person, seed=1
    )
    assert isinstance(completion.choices[0].message.parsed, Person)
    assert completion.choices[0].finish_reason == "stop"


def test_what_max_tokens_cuts_says_so(client: OpenAI) -> None:
    cut = client.chat.completions.create(
        model="tiny",
        messages=[{"role": "user", "content": "x"}],
        response_format={"type": "json_object"},
        max_completion_tokens=2,
    )
    assert cut.choices[0].finish_reason == "length"


@pytest.mark.parametrize("stream", [False, True])
def test_a_schema_that_cannot_be_had_is_refused_by_its_keyword(client: OpenAI, stream: bool) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.chat.completions.create(
            model="tiny",
            messages=[{"role": "user", "content": "x"}],
            response_format=schema({"type": "array", "uniqueItems": True}),
            stream=stream,
        )
    assert caught.value.param == "response_format"
    assert "'uniqueItems'" in caught.value.message


def test_an_answer_whose_runner_is_killed_goes_on_in_the_middle_of_its_grammar(
    node: NodeProcess, client: OpenAI
) -> None:
    undisturbed = "".join(pieces(client, WORDS))
    assert len(json.loads(undisturbed)) == 15
    killed = below(node)
    heard = list[str]()
    for piece in pieces(client, WORDS):
        heard.append(piece)
        if len(heard) == 20:
            (runner,) = psutil.Process(node.process.pid).children()
            os.kill(runner.pid, signal.SIGKILL)
    assert "".join(heard) == undisturbed
    _, alive = psutil.wait_procs(killed, timeout=10)
    assert not alive, "what the killed runner had started lives on"


def test_a_node_that_stops_leaves_no_process(node: NodeProcess) -> None:
    processes = below(node)
    assert len(processes) == 2
    assert node.stop() == 0
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert not alive
