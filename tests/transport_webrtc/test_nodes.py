"""Real nodes over WebRTC: joined by a rendezvous, or through members; each pair by the best transport that it has.

The tests of whole clusters in `tests/integration` run over WebRTC too: `just prove-webrtc`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from exo_core.testing.node_process import EXO, JsonObject, NodeProcess, eventually, free_port, joined

BOTH = ("--transport", "webrtc", "--transport", "tcp")
MakeNode = Callable[..., NodeProcess]


@pytest.fixture
def make_node(tmp_path: Path) -> Iterator[MakeNode]:
    """A node that finds nobody by itself; it is killed when the test ends."""
    made: list[NodeProcess] = []

    def make(name: str, *arguments: str, environment: dict[str, str] | None = None) -> NodeProcess:
        made.append(NodeProcess(tmp_path / name, name, "--no-discovery", *arguments, environment=environment))
        return made[-1]

    yield make
    for node in made:
        node.kill()


@pytest.fixture
def meeting(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A rendezvous, as nodes are told of it."""
    port = str(free_port())
    with (tmp_path / "rendezvous.out").open("wb") as output:
        process = subprocess.Popen([EXO, "rendezvous", "--host", "127.0.0.1", "--port", port], stderr=output)
    yield {"EXO_WEBRTC_RENDEZVOUS": f"http://127.0.0.1:{port}"}
    process.terminate()
    process.wait(10)


def ways(node: NodeProcess) -> dict[str, str]:
    """By which transport each pair of nodes is linked, as this node knows."""
    state = node.state
    nodes = cast("dict[str, JsonObject]", state["nodes"])
    names = {node_id: str(found["name"]) for node_id, found in nodes.items()}
    links = cast("list[JsonObject]", state["links"])
    return {
        " ".join(sorted((names.get(str(link["a"]), "?"), names.get(str(link["b"]), "?")))): str(link["transport"])
        for link in links
    }


def test_two_nodes_that_know_only_a_rendezvous_are_one_cluster(make_node: MakeNode, meeting: dict[str, str]) -> None:
    alpha = make_node("alpha", "--transport", "webrtc", environment=meeting)
    beta = make_node("beta", "--transport", "webrtc")
    joined([alpha, beta])
    eventually(lambda: ways(beta) == {"alpha beta": "webrtc"}, "beta tells of its link, as once a second", seconds=10)
    assert beta.output.count("reached alpha") == 1, beta.output
    assert alpha.place("tiny", "--min-nodes", "2")
    answers = {
        node.exo("chat", "tiny", "What is exo?", "--temperature", "0", "--max-tokens", "16").stdout
        for node in (alpha, beta)
    }
    (answer,) = answers
    assert answer.startswith("exo turns")
    assert beta.stop() == 0
    eventually(lambda: alpha.alive_nodes() == ["alpha"], "alpha hears beta's goodbye")
    beta.start()  # knows alpha, and where to meet it, from before
    eventually(lambda: beta.alive_nodes() == ["alpha", "beta"], "they meet again")


def test_each_pair_of_three_uses_the_best_that_both_have(make_node: MakeNode) -> None:
    alpha, beta, gamma = make_node("alpha", *BOTH), make_node("beta", *BOTH), make_node("gamma", "--transport", "tcp")
    joined([alpha, beta, gamma])
    best = {"alpha beta": "webrtc", "alpha gamma": "tcp", "beta gamma": "tcp"}
    eventually(lambda: ways(gamma) == best, "alpha and beta are linked by webrtc, arranged through a member")
