"""Machines in two homes, which cannot reach each other by address, are one cluster and answer as one."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from pathlib import Path
from typing import cast

import pytest

from exo_core.frozen import JsonObject
from exo_core.testing.network_namespaces import a_network, why_not
from exo_transport_webrtc.testing.carried import carried
from exo_transport_webrtc.testing.homes import SERVER, TURN_PORT, HomeNode, Internet, Nat, why_no_turn

pytestmark = pytest.mark.timeout(500)
TURN = f"turn:{SERVER}:{TURN_PORT}"
CASES = [
    pytest.param("cone", "cone", None, False, id="cone to cone, directly"),
    pytest.param("symmetric", "symmetric", TURN, True, id="symmetric to symmetric, by TURN", marks=pytest.mark.slow),
    pytest.param(
        "no udp", "cone", f"{TURN}?transport=tcp", True, id="UDP blocked, by TURN over TCP", marks=pytest.mark.slow
    ),
]


@pytest.fixture
def internet(tmp_path: Path) -> Generator[Internet]:
    """An internet without homes, and its servers."""
    reason = why_not() or why_no_turn()
    if reason is not None:
        pytest.skip(reason)
    with a_network() as network:
        found = Internet(network, tmp_path)
        with found.servers():
            yield found


def links_of(node: HomeNode) -> list[JsonObject]:
    return cast("list[JsonObject]", json.loads(node.exo("status", "--json"))["links"])


def is_answered(node: HomeNode) -> bool:
    """Whether the two of them, one stage each, answer."""
    answer = node.tried("chat", "tiny", "What is exo?", "--temperature", "0", "--max-tokens", "16")
    return answer.stdout.startswith("exo turns")


def check_that_a_move_is_noticed(alpha: HomeNode, beta: HomeNode) -> None:
    """Beta's machine gets another address, as a laptop that changes its Wi-Fi does."""
    told = beta.output
    beta.machine.run("ip", "address", "del", "10.2.0.2/24", "dev", "eth0")
    beta.machine.run("ip", "address", "add", "10.2.0.3/24", "dev", "eth0")
    beta.machine.run("ip", "route", "replace", "default", "via", "10.2.0.1")
    began = time.monotonic()
    while (news := beta.output.removeprefix(told)).count("reached machine1") == 0:
        assert time.monotonic() - began < 60, beta.output
        time.sleep(0.1)
    assert "lost its address 10.2.0.2" in news
    print(f"linked again {time.monotonic() - began:.1f} s after the move")
    while not is_answered(beta):
        assert time.monotonic() - began < 60, beta.output
    print(f"and answers {time.monotonic() - began:.1f} s after it")


CARRYING_S = 25.0
"""How long a person takes, twice as long as the routers remember."""


def answer_of(node: HomeNode) -> str:
    """What it wants to be carried back."""
    began = time.monotonic()
    while not (answer := carried(node.output, "answer")):
        assert time.monotonic() - began < 60, node.output
        time.sleep(0.1)
    return answer


@pytest.mark.slow
def test_a_person_joins_two_homes_by_carrying_texts(internet: Internet, tmp_path: Path) -> None:
    alpha, beta = (
        HomeNode(internet.home("cone", forgets_s=12), tmp_path / name, turn=None, rendezvous=False)
        for name in ("alpha", "beta")
    )
    try:
        alpha.start()
        alpha.wait_until_it_runs()
        with alpha.inviting() as inviting:
            assert inviting.stdin is not None
            assert inviting.stdout is not None
            offer = ""
            while not carried(offer, "offer"):
                offer += inviting.stdout.readline()
            time.sleep(CARRYING_S)
            beta.start("--join", offer)
            answer = answer_of(beta)
            time.sleep(CARRYING_S)
            began = time.monotonic()
            _, told = inviting.communicate(answer + "\n", timeout=60)
            assert inviting.returncode == 0, told
        beta.wait_until_it_runs()
        assert alpha.exo("place", "tiny", "--min-nodes", "2").strip()
        assert is_answered(beta)
        print(f"from the pasted answer to the whole text {time.monotonic() - began:.1f} s")
        (link,) = links_of(beta)
        assert link["transport"] == "webrtc"
    finally:
        for node in (alpha, beta):
            node.stop()


@pytest.mark.parametrize(("first", "second", "turn", "relayed"), CASES)
def test_two_homes_are_one_cluster(
    internet: Internet, tmp_path: Path, first: Nat, second: Nat, turn: str | None, relayed: bool
) -> None:
    alpha = HomeNode(internet.home(first), tmp_path / "alpha", turn=turn, rendezvous=True)
    beta = HomeNode(internet.home(second), tmp_path / "beta", turn=turn, rendezvous=False)
    try:
        alpha.start()
        alpha.wait_until_it_runs()
        code = alpha.exo("invite").split()[-1]
        began = time.monotonic()
        beta.start("--join", code)
        beta.wait_until_it_runs()
        placed = alpha.exo("place", "tiny", "--min-nodes", "2").strip()
        assert placed
        answer = beta.exo("chat", "tiny", "What is exo?", "--temperature", "0", "--max-tokens", "16")
        print(f"from --join to the whole answer {time.monotonic() - began:.1f} s: {answer.strip()}")
        assert answer.startswith("exo turns")
        (link,) = links_of(beta)
        assert link["transport"] == "webrtc"
        assert ("by TURN" in str(link["address"])) is relayed, link
        if not relayed:
            check_that_a_move_is_noticed(alpha, beta)
    finally:
        for node in (alpha, beta):
            node.stop()
