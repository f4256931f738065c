"""Clusters of real nodes, started once per module.

EXO_TEST_TRANSPORT says by which transport they are linked: tcp, or webrtc, with a rendezvous to meet at.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path

import pytest
from openai import OpenAI

from exo_core.testing.node_process import NodeProcess, joined
from exo_rendezvous.testing.rendezvous_process import rendezvous_process

import_module("mlx_lm")  # sets a variable of the environment, which tests may not do while they run

TRANSPORT = os.environ.get("EXO_TEST_TRANSPORT", "tcp")
MakeCluster = Callable[..., list[NodeProcess]]
Greedy = Callable[..., str]


@pytest.fixture(scope="session")
def meeting() -> Iterator[dict[str, str]]:
    """What nodes are told of a rendezvous and of thin links; nothing where there are none."""
    if TRANSPORT != "webrtc":
        yield {}
        return
    with rendezvous_process() as url:
        yield {"EXO_WEBRTC_RENDEZVOUS": url, "EXO_EXACT": "1"}  # texts are compared


@pytest.fixture(scope="module")
def make_cluster(tmp_path_factory: pytest.TempPathFactory, meeting: dict[str, str]) -> Iterator[MakeCluster]:
    """`make_cluster(2)`: that many nodes, joined; all are killed when the module ends.

    `environments` are for one node each, beside what all have.
    """
    started: list[NodeProcess] = []

    def make(size: int, *arguments: str, environments: Sequence[dict[str, str]] = ()) -> list[NodeProcess]:
        folder = tmp_path_factory.mktemp("cluster")
        nodes = [
            NodeProcess(folder / name, name, "--transport", TRANSPORT, *arguments, environment={**meeting, **own})
            for name, own in zip(
                ("alpha", "beta", "gamma", "delta")[:size], environments or [dict[str, str]()] * size, strict=True
            )
        ]
        started.extend(nodes)
        joined(nodes)
        return nodes

    yield make
    for node in started:
        node.kill()


@pytest.fixture
def make_node(tmp_path: Path, meeting: dict[str, str]) -> Iterator[Callable[..., NodeProcess]]:
    """`make_node("alpha")`: a node that was not started yet; it is killed when the test ends."""
    made: list[NodeProcess] = []

    def make(name: str, *arguments: str, environment: dict[str, str] | None = None) -> NodeProcess:
        told = {**meeting, **(environment or {})}
        made.append(NodeProcess(tmp_path / name, name, "--transport", TRANSPORT, *arguments, environment=told))
        return made[-1]

    yield make
    for node in made:
        node.kill()


def openai_client(node: NodeProcess) -> OpenAI:
    """The official client, without retries of its own."""
    return OpenAI(base_url=f"{node.url}/v1", api_key="unused", max_retries=0, timeout=60)


@pytest.fixture
def client_of() -> Callable[[NodeProcess], OpenAI]:
    """`client_of(node)`: the official client."""
    return openai_client


@pytest.fixture
def greedy() -> Greedy:
    """`greedy(node, model, prompt)`: the likeliest answer, through the official client."""

    def ask(node: NodeProcess, model: str, prompt: str, *, max_tokens: int = 24) -> str:
        answer = openai_client(node).chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": prompt}],
            temperature=0,
            max_tokens=max_tokens,
        )
        return answer.choices[0].message.content or ""

    return ask
