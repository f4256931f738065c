"""A real node with `tiny`: completions, embeddings, keys and figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import httpx
import pytest
from openai import AuthenticationError, OpenAI
from openai.types.chat import ChatCompletionMessageParam

from exo_core.testing.node_process import NodeProcess

MakeCluster = Callable[..., list[NodeProcess]]


@pytest.fixture(scope="module")
def node(make_cluster: MakeCluster) -> NodeProcess:
    """One machine."""
    return make_cluster(1)[0]


@pytest.fixture
def client(node: NodeProcess) -> Iterator[OpenAI]:
    """The official client, without retries of its own."""
    with OpenAI(base_url=f"{node.url}/v1", api_key="unused", max_retries=0, timeout=60) as opened:
        yield opened


def test_a_text_has_the_same_logprobs_generated_and_given(client: OpenAI) -> None:
    """The prompt's own logprobs come from a prefill, those of an answer from single steps."""
    said = client.completions.create(model="tiny", prompt="exo turns", max_tokens=6, temperature=0, logprobs=1)
    text = "exo turns" + said.choices[0].text
    given = client.completions.create(model="tiny", prompt=text, max_tokens=0, echo=True, logprobs=1)
    assert given.choices[0].text == text
    assert said.choices[0].logprobs is not None
    assert given.choices[0].logprobs is not None
    generated, scored = said.choices[0].logprobs, given.choices[0].logprobs
    assert scored.tokens is not None
    assert scored.token_logprobs is not None
    assert generated.tokens == scored.tokens[-6:]
    assert generated.token_logprobs == pytest.approx(scored.token_logprobs[-6:], abs=1e-3)
    assert "".join(scored.tokens) == text


def test_several_prompts_of_ids_in_one_request(client: OpenAI) -> None:
    answer = client.completions.create(model="tiny", prompt=[[5, 6, 7], [8]], n=2, max_tokens=3, seed=1)
    again = client.completions.create(model="tiny", prompt=[[5, 6, 7], [8]], n=2, max_tokens=3, seed=1)
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert [choice.text for choice in answer.choices] == [choice.text for choice in again.choices]
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 4


def test_embeddings(client: OpenAI) -> None:
    answer = client.embeddings.create(model="tiny", input=["hello", "What is 17 + 25?", "hello"])
    vectors = [item.embedding for item in answer.data]
    assert [math.hypot(*vector) for vector in vectors] == pytest.approx([1, 1, 1], abs=1e-6)
    assert vectors[0] == pytest.approx(vectors[2], abs=1e-6)
    assert sum(a * b for a, b in zip(vectors[0], vectors[1], strict=True)) < 0.99


def test_the_beginning_of_an_answer_is_continued(client: OpenAI) -> None:
    messages: list[ChatCompletionMessageParam] = [
        {"role": "user", "content": "What is 17 + 25?"},
        {"role": "assistant", "content": "4"},
    ]
    answer = client.chat.completions.create(model="tiny", temperature=0, messages=messages)
    assert answer.choices[0].message.content == "2"


def test_figures(node: NodeProcess, client: OpenAI) -> None:
    client.completions.create(model="tiny", prompt="exo", max_tokens=4, extra_body={"ignore_eos": True})
    lines = httpx.get(f"{node.url}/metrics", trust_env=False).text.splitlines()
    figures = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert float(figures['exo_tokens_total{kind="generated"}']) >= 4
    assert float(figures["exo_inter_token_seconds_count"]) >= 3
    assert figures['exo_instances{model_id="tiny",status="ready"}'] == "1.0"


def test_a_key_closes_the_door_at_once(node: NodeProcess, client: OpenAI) -> None:
    secret = node.exo("key", "create", "--name", "test").stdout.split()[-1]
    try:
        with pytest.raises(AuthenticationError):
            client.models.list()
        with_key = client.with_options(api_key=secret)
        assert with_key.completions.create(model="tiny", prompt="exo", max_tokens=1).choices
        shut = httpx.get(f"{node.url}/state", headers={"x-api-key": secret}, trust_env=False)
        assert (shut.status_code, shut.json()["error"]["code"]) == (403, "insufficient_scope")
    finally:
        node.exo("key", "revoke", "test")
    assert [model.id for model in client.models.list()] == ["tiny"]
