"""Machines that rest are left alone, and the door answers in plain text."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from signpost.plugin import exo_node_facts, exo_place_instance

from exo_core.placement import DoesNotFit, Placement, PlacementRequest, Topology
from exo_core.state.state import State
from exo_core.testing.models import model_with_layers
from exo_core.testing.node_process import NodeProcess
from exo_core.testing.placement_conformance import MODEL, Place, PlacementConformance, request, state_of, topology

GIBIBYTE = 1024**3


class TestSignpost(PlacementConformance):
    @pytest.fixture
    def place(self) -> Place:
        def place(request: PlacementRequest, topology: Topology, state: State) -> Placement | DoesNotFit:
            answer = exo_place_instance(request, topology, state)
            assert answer is not None
            return answer

        return place


def resting(state: State, *names: str) -> State:
    """The same, with these machines at rest."""
    members = {
        node_id: member.model_copy(update={"facts": {"signpost": {"rests": node_id in names}}})
        for node_id, member in state.members.items()
    }
    return state.model_copy(update={"members": members})


def test_a_machine_that_rests_gets_no_part_of_a_model() -> None:
    _, card = model_with_layers(MODEL, 4)
    state = state_of(card, nodes=3)
    given = topology(GIBIBYTE, 4 * GIBIBYTE, 2 * GIBIBYTE)
    placed = exo_place_instance(request(min_nodes=2), given, resting(state, "n1"))
    assert isinstance(placed, Placement)
    assert {shard.node_id for shard in placed.shards} == {"n0", "n2"}
    assert isinstance(exo_place_instance(request(), given, resting(state, "n0", "n1", "n2")), DoesNotFit)


def test_a_machine_says_whether_it_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    assert exo_node_facts() == {"signpost": {"rests": False}}
    monkeypatch.setenv("SIGNPOST_REST", "1")
    assert exo_node_facts() == {"signpost": {"rests": True}}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeProcess]:
    """A node without any transport of exo's own."""
    process = NodeProcess(tmp_path / "node", "node", "--transport", "pigeon", "--backend", "parrot")
    try:
        yield process.start()
        process.stop()
    finally:
        process.kill()


def test_the_door_answers_in_plain_text(node: NodeProcess) -> None:
    assert ask(node, "loft/grey", "Polly wants a cracker") == (200, "Polly wants a cracker\n")
    status, answer = ask(node, "loft/dodo", "anybody?")
    assert status == 404
    assert json.loads(answer)["error"]["code"] == "model_not_found"


def ask(node: NodeProcess, model: str, question: str) -> tuple[int, str]:
    """Status and body."""
    body = json.dumps(question).encode()
    asked = urllib.request.Request(f"{node.url}/ask/{model}", body, {"Content-Type": "application/json"})  # noqa: S310  our own node
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310  as above
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()
