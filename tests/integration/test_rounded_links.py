"""On a link where hidden states are rounded, whoever asks for it gets what one machine computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from exo_core.cli.documents import as_object, as_text, objects
from exo_core.testing.node_process import eventually

if TYPE_CHECKING:
    from exo_core.frozen import JsonObject
    from exo_core.testing.node_process import NodeProcess

ROUNDED = {"EXO_ACTIVATION_CODEC": "int8", "EXO_EXACT": "0"}
QUESTIONS = ("What is exo?", "What is a stage?")
SAME = 1e-4
"""Log probabilities this close differ by the shapes they were computed in, which what is kept of a chat changes."""


def logprobs(node: NodeProcess, question: str, **extra: bool) -> list[float]:
    """Of a greedy answer's tokens."""
    body: JsonObject = {
        "model": "tiny",
        "messages": [{"role": "user", "content": question}],
        "temperature": 0,
        "max_tokens": 16,
        "logprobs": True,
        **extra,
    }
    choice = objects(node.post("/v1/chat/completions", body)["choices"])[0]
    return [float(str(token["logprob"])) for token in objects(as_object(choice["logprobs"])["content"])]


def head_remark(node: NodeProcess, instance: str) -> str:
    """What is said of the first stage."""
    shard = objects(node.instance(instance)["shards"])[0]
    return as_text(as_object(as_object(node.get("/state")["runners"])[as_text(shard["runner_id"])])["detail"])


def test_exact_requests_are_computed_as_on_one_machine(make_cluster: Callable[..., list[NodeProcess]]) -> None:
    rounding, exact = make_cluster(2, environments=(ROUNDED, {**ROUNDED, "EXO_EXACT": "1"}))
    whole = rounding.place("tiny")
    expected = [logprobs(rounding, question) for question in QUESTIONS]
    rounding.exo("remove", whole)
    split = rounding.place("tiny", "--min-nodes", "2")
    rounded = logprobs(rounding, QUESTIONS[0])
    assert len(rounded) > 1
    same = [pytest.approx(each, abs=SAME) for each in expected]
    assert rounded != same[0]
    assert logprobs(rounding, QUESTIONS[0], exact=True) == same[0], "what was kept of the other is of no use here"
    assert logprobs(exact, QUESTIONS[1]) == same[1], "by `exo run --exact`"
    said = eventually(lambda: head_remark(rounding, split), "the runner says how it sends")
    assert said.startswith("sends int8 hidden states: the next stage is reached at ")
