"""Real nodes over WebRTC: joined by a rendezvous, or through members; each pair by the best transport that it has.

All tests of whole clusters in `tests/integration`, and of faults in `tests/reliability`, run over WebRTC too:
`just prove-webrtc`. One of each is here.
"""

from __future__ import annotations

import os
import pty
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from exo_core.testing.node_process import EXO, JsonObject, NodeProcess, eventually, joined, wait_until_met
from exo_core.testing.reliability.recorded_stream import RecordedStream
from exo_core.testing.reliability.sameness import sameness
from exo_rendezvous.testing.rendezvous_process import rendezvous_process
from exo_transport_webrtc.testing.carried import carried

BOTH = ("--transport", "webrtc", "--transport", "tcp")
MakeNode = Callable[..., NodeProcess]
PROMPT = "What is exo?"
TOKENS = 200
"""Of a stream that is to be hit soon after it has begun: more than a second."""


def a_node(folder: Path, name: str, *arguments: str, **environment: str) -> NodeProcess:
    """A node that finds nobody by itself, not started yet."""
    return NodeProcess(folder / name, name, "--no-discovery", *arguments, environment=environment)


@pytest.fixture
def make_node(tmp_path: Path) -> Iterator[MakeNode]:
    """`make_node("alpha", "--transport", "tcp")`; the node is killed when the test ends."""
    made: list[NodeProcess] = []

    def make(name: str, *arguments: str) -> NodeProcess:
        made.append(a_node(tmp_path, name, *arguments))
        return made[-1]

    yield make
    for node in made:
        node.kill()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[NodeProcess]]:
    """Alpha, which waits at a rendezvous, and beta, which has joined it there; a stage of `tiny` on each."""
    folder, webrtc = tmp_path_factory.mktemp("pair"), ("--transport", "webrtc")
    with rendezvous_process() as url:
        alpha = a_node(folder, "alpha", *webrtc, EXO_WEBRTC_RENDEZVOUS=url, EXO_EXACT="1")  # texts are compared
        beta = a_node(folder, "beta", *webrtc, EXO_EXACT="1")
        try:
            joined([alpha, beta])
            _ = alpha.place("tiny", "--min-nodes", "2")
            yield [alpha, beta]
        finally:
            for node in (beta, alpha):
                node.power_off()


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


def test_two_nodes_that_know_only_a_rendezvous_are_one_cluster(pair: list[NodeProcess]) -> None:
    _, beta = pair
    eventually(lambda: ways(beta) == {"alpha beta": "webrtc"}, "beta tells of its link, as once a second")
    assert beta.output.count("reached alpha") == 1, beta.output
    answers = {node.exo("chat", "tiny", PROMPT, "--temperature", "0", "--max-tokens", "16").stdout for node in pair}
    (answer,) = answers
    assert answer.startswith("exo turns")


def test_a_stage_dies_and_each_token_still_comes_once(pair: list[NodeProcess]) -> None:
    alpha, beta = pair
    undisturbed = RecordedStream(alpha, PROMPT, tokens=TOKENS)
    undisturbed.wait_for_end()
    stream = RecordedStream(alpha, PROMPT, tokens=TOKENS)
    stream.wait_for_tokens(2)
    (stage,) = beta.runner_processes()
    died_at = time.monotonic()
    stage.kill()
    stream.wait_for_end()
    assert stream.is_complete, stream.error
    assert stream.was_crossed_by(died_at)
    assert sameness(stream.tokens, undisturbed.tokens, is_complete=True) != "different"


def test_a_node_that_was_away_meets_the_other_again(pair: list[NodeProcess]) -> None:
    alpha, beta = pair
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
    eventually(lambda: ways(beta) == {"alpha beta": "webrtc"}, "beta tells of its link")
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
        answer = beta.exo("chat", "tiny", PROMPT, "--temperature", "0", "--max-tokens", "16").stdout
        assert answer.startswith("exo turns")
        assert beta.stop() == 0
        join_by_hand(alpha, beta, terminal)
        eventually(lambda: alpha.instance(instance).get("status") == "ready", "the shard is loaded again")


def test_each_pair_of_three_uses_the_best_that_both_have(make_node: MakeNode) -> None:
    alpha, beta, gamma = make_node("alpha", *BOTH), make_node("beta", *BOTH), make_node("gamma", "--transport", "tcp")
    joined([alpha, beta, gamma])
    best = {"alpha beta": "webrtc", "alpha gamma": "tcp", "beta gamma": "tcp"}
    eventually(lambda: ways(gamma) == best, "alpha and beta are linked by webrtc, arranged through a member")
