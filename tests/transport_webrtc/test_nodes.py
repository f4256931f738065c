"""Real nodes over WebRTC: joined by a rendezvous, or through members; each pair by the best transport that it has.

The tests of whole clusters in `tests/integration` run over WebRTC too: `just prove-webrtc`.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from exo_core.testing.node_process import EXO, JsonObject, NodeProcess, eventually, joined, wait_until_met
from exo_rendezvous.testing.rendezvous_process import rendezvous_process

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
def meeting() -> Iterator[dict[str, str]]:
    """A rendezvous, as nodes are told of it."""
    with rendezvous_process() as url:
        yield {"EXO_WEBRTC_RENDEZVOUS": url}


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


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """What a person types into, and what a program reads from: line by line, none of more than 4,095 characters."""
    ends = pty.openpty()
    yield ends
    for end in ends:
        os.close(end)


def carried(text: str, kind: str) -> str:
    """The offer or the answer in what a program wrote."""
    found = re.search(rf"exo-{kind}-1[a-z2-7\s]*\.", text)
    return found.group() if found else ""


def join_by_hand(alpha: NodeProcess, beta: NodeProcess, terminal: tuple[int, int], *, clumsily: bool = False) -> None:
    """Start beta, and carry the texts between the two; `clumsily`: paste wrong ones first."""
    keyboard, screen = terminal
    command = [EXO, "invite", "--by-hand", "--home", str(alpha.home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as inviting:
        assert inviting.stdout is not None
        offer = ""
        while not carried(offer, "offer"):
            offer += inviting.stdout.readline().decode()
        told = len(beta.output)
        beta.launch("--join", "-", stdin=screen)
        os.write(keyboard, f"{offer}\n".encode())
        answer = eventually(lambda: carried(beta.output[told:], "answer"), "beta prints its answer")
        damaged = answer.replace("\n", "", 1)[:-9] + "."
        wrong = [damaged, offer] if clumsily else []
        _, said = inviting.communicate("\n".join([*wrong, answer, ""]).encode(), timeout=60)
        assert inviting.returncode == 0, said
        for complaint in (b"incomplete or mistyped", b"this is the offer"):
            assert (complaint in said) is clumsily
    beta.wait_until_healthy()
    wait_until_met([alpha, beta])


def test_two_nodes_that_only_a_person_joins_are_one_cluster(make_node: MakeNode, terminal: tuple[int, int]) -> None:
    alpha, beta = (make_node(name, "--transport", "webrtc") for name in ("alpha", "beta"))
    alpha.start()
    join_by_hand(alpha, beta, terminal, clumsily=True)
    eventually(lambda: ways(beta) == {"alpha beta": "webrtc"}, "beta tells of its link", seconds=10)
    assert beta.output.count("reached alpha") == 1, beta.output
    assert [node.stop() for node in (beta, alpha)] == [0, 0]


@pytest.mark.slow
def test_a_person_joins_them_again_when_one_was_away_and_its_shard_is_back(
    make_node: MakeNode, terminal: tuple[int, int]
) -> None:
    alpha, beta = (make_node(name, "--transport", "webrtc") for name in ("alpha", "beta"))
    alpha.start()
    join_by_hand(alpha, beta, terminal)
    instance = alpha.place("tiny", "--min-nodes", "2")
    for _ in range(2):
        answer = beta.exo("chat", "tiny", "What is exo?", "--temperature", "0", "--max-tokens", "16").stdout
        assert answer.startswith("exo turns")
        assert beta.stop() == 0
        join_by_hand(alpha, beta, terminal)
        eventually(lambda: alpha.instance(instance).get("status") == "ready", "the shard is loaded again")


def test_each_pair_of_three_uses_the_best_that_both_have(make_node: MakeNode) -> None:
    alpha, beta, gamma = make_node("alpha", *BOTH), make_node("beta", *BOTH), make_node("gamma", "--transport", "tcp")
    joined([alpha, beta, gamma])
    best = {"alpha beta": "webrtc", "alpha gamma": "tcp", "beta gamma": "tcp"}
    eventually(lambda: ways(gamma) == best, "alpha and beta are linked by webrtc, arranged through a member")
