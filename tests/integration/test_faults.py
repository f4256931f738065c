"""What a person sees when a runner, a stage's machine or the master dies: streams go on, and the rest can be read."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import cast

import psutil
import pytest
from openai import APIError, OpenAI

from exo_core.testing.node_process import JsonObject, NodeProcess, eventually

MakeCluster = Callable[..., list[NodeProcess]]
Greedy = Callable[..., str]
PROMPT = "What is exo?"
TOKENS = 400
"""Of a stream that is to be hit soon after it has begun: some seconds."""


def pids_of_runners(node: NodeProcess) -> list[int]:
    """The runner processes of a node, as the system lists its children."""
    return [child.pid for child in psutil.Process(node.process.pid).children()]


def instances_of(node: NodeProcess) -> list[str]:
    return list(cast("JsonObject", node.state["instances"]))


@pytest.fixture(scope="module")
def one(make_cluster: MakeCluster) -> NodeProcess:
    """A node for all tests that need no other."""
    return make_cluster(1)[0]


@pytest.fixture
def holder(one: NodeProcess) -> NodeProcess:
    """That node with `tiny` ready, once; whatever an earlier test did to it."""
    if one.process.poll() is not None:
        one.start()
    if not instances_of(one):
        one.place("tiny")
    (instance,) = instances_of(one)
    eventually(lambda: one.instance(instance).get("status") == "ready", "tiny is ready")
    return one


def epoch_term(node: NodeProcess) -> int:
    return cast("int", cast("JsonObject", node.state["epoch"])["term"])


def log_length(node: NodeProcess) -> int:
    return cast("int", cast("JsonObject", node.state["log"])["length"])


class LongStream:
    """The likeliest answer, as a client reads it: so many tokens, or as long as the model's context allows."""

    def __init__(self, client: OpenAI, model: str, *, tokens: int | None = None) -> None:
        self.pieces: list[str] = []
        self.error: Exception | None = None
        self._client, self._model, self._tokens = client, model, tokens
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def _read(self) -> None:
        try:
            stream = self._client.chat.completions.create(
                model=self._model,
                messages=[{"role": "user", "content": PROMPT}],
                stream=True,
                temperature=0,
                max_tokens=self._tokens,
                extra_body={"ignore_eos": True},
            )
            self.pieces.extend(chunk.choices[0].delta.content or "" for chunk in stream)
        except Exception as error:  # whatever the client makes of it is what the test looks at
            self.error = error

    def wait_for_tokens(self, count: int) -> None:
        eventually(lambda: len(self.pieces) >= count or self.error is not None, f"{count} tokens")
        assert self.error is None, self.error
        assert self._thread.is_alive(), "what is to happen in the middle of it comes too late"

    def wait_for_end(self) -> None:
        self._thread.join(timeout=100)
        assert not self._thread.is_alive(), "the stream never ended"


def test_a_killed_runner_is_reported_and_restarted(holder: NodeProcess, greedy: Greedy) -> None:
    node, (instance,) = holder, instances_of(holder)
    expected = greedy(node, "tiny", PROMPT)
    (pid,) = pids_of_runners(node)
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: "crashed" in str(node.runners(instance)), "a report")
    assert greedy(node, "tiny", PROMPT) == expected
    assert pids_of_runners(node) != [pid]


def test_a_stages_node_dies_and_the_stream_goes_on_where_the_model_is_placed_next(
    make_cluster: MakeCluster, client_of: Callable[[NodeProcess], OpenAI]
) -> None:
    alpha, beta = make_cluster(2)
    alpha.place("tiny", "--min-nodes", "2")
    undisturbed = LongStream(client_of(alpha), "tiny", tokens=TOKENS)
    undisturbed.wait_for_end()
    stream = LongStream(client_of(alpha), "tiny", tokens=TOKENS)
    stream.wait_for_tokens(5)
    beta.kill()
    eventually(lambda: alpha.alive_nodes() == ["alpha"], "alpha sees that beta is gone")
    alone = alpha.place("tiny")
    stream.wait_for_end()
    assert stream.error is None, stream.error
    assert stream.text == undisturbed.text
    assert alpha.instance(alone)["status"] == "ready"


def test_the_master_dies_and_runners_go_on(make_cluster: MakeCluster, greedy: Greedy) -> None:
    alpha, beta, gamma = make_cluster(3)
    master = cast("str", alpha.state["master"])
    nodes = {node.node_id: node for node in (alpha, beta, gamma)}
    old_master = nodes.pop(master)
    first, second = nodes.values()
    instance = first.place("tiny", "--min-nodes", "2", "--nodes", f"{first.name},{second.name}")
    expected = greedy(first, "tiny", PROMPT)
    generation, term, length = first.instance(instance)["generation"], epoch_term(first), log_length(first)
    old_master.kill()
    eventually(lambda: first.state["master"] in nodes and first.state["master"], "a new master")
    eventually(lambda: second.state["master"] == first.state["master"], "one master")
    assert epoch_term(first) > term
    assert log_length(first) >= length, "the log is kept"
    assert greedy(first, "tiny", PROMPT) == expected
    assert greedy(second, "tiny", PROMPT) == expected
    assert first.instance(instance)["generation"] == generation, "no runner was restarted"
    old_master.start()
    eventually(lambda: old_master.alive_nodes() == ["alpha", "beta", "gamma"], "the old master is back, as a follower")
    eventually(lambda: old_master.state["master"] == first.state["master"], "one master for all")


def test_a_restarted_node_brings_its_instances_back(holder: NodeProcess, greedy: Greedy) -> None:
    node, (instance,) = holder, instances_of(holder)
    identity, expected = node.node_id, greedy(node, "tiny", PROMPT)
    node.kill()
    node.start()
    assert node.node_id == identity
    eventually(lambda: node.instance(instance).get("status") == "ready", "the instance is back")
    assert greedy(node, "tiny", PROMPT) == expected


def test_a_stopped_node_says_goodbye_and_leaves_no_process(holder: NodeProcess) -> None:
    runners = pids_of_runners(holder)
    assert runners
    started = time.monotonic()
    assert holder.stop() == 0
    assert time.monotonic() - started < 2.5
    for pid in runners:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_stream_says_why_when_its_instance_is_removed_or_its_node_stops(
    holder: NodeProcess, client_of: Callable[[NodeProcess], OpenAI]
) -> None:
    node = holder
    for end, said in ((lambda: node.delete(f"/instance/{instances_of(node)[0]}"), "removed"), (node.stop, "stopping")):
        if not instances_of(node):
            node.place("tiny")
        stream = LongStream(client_of(node), "tiny")
        stream.wait_for_tokens(5)
        end()
        stream.wait_for_end()
        assert isinstance(stream.error, APIError), stream.error
        assert said in str(stream.error)


def test_a_request_that_is_cancelled_by_its_id_is_no_failure_of_the_server(
    holder: NodeProcess, client_of: Callable[[NodeProcess], OpenAI]
) -> None:
    node = holder
    ids: list[str] = []
    with client_of(node).chat.completions.with_streaming_response.create(
        model="tiny", messages=[{"role": "user", "content": PROMPT}], extra_body={"ignore_eos": True}, stream=True
    ) as answer:
        lines: list[str] = []
        for line in answer.iter_lines():
            lines.append(line)
            if line.startswith("data: {") and not ids:
                ids.append(json.loads(line.removeprefix("data: "))["id"])
                client_of(node).post(f"/cancel/{ids[0]}", cast_to=object)
    assert "internal_error" not in "".join(lines)
    assert "cancelled" in "".join(lines), lines[-3:]
