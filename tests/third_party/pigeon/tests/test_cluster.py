"""Two real nodes that reach each other by pigeon, and a parrot that lives on both."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from exo_core.testing.node_process import NodeProcess, joined

PARROT = "loft/grey"
SAYING = "Polly wants a cracker 🦜"


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[NodeProcess]]:
    """A cluster of two. The names of sockets must be short, so their folder is not pytest's."""
    chosen = ("--transport", "pigeon", "--backend", "parrot")
    roost = tempfile.TemporaryDirectory(prefix="roost-")
    settings = {"TMPDIR": roost.name}
    made = [NodeProcess(tmp_path / name, name, *chosen, environment=settings) for name in ("coop", "aviary")]
    try:
        joined(made)
        yield made
    finally:
        for node in made:
            node.kill()
        roost.cleanup()


def test_a_parrot_on_two_nodes_answers_the_same_from_each(nodes: list[NodeProcess]) -> None:
    first, second = nodes
    instance = first.place(PARROT, "--min-nodes", "2")
    shards = first.instance(instance)["shards"]
    assert isinstance(shards, list)
    places = [
        (str(shard["node_id"]), shard["start_layer"], shard["end_layer"]) for shard in shards if isinstance(shard, dict)
    ]
    assert {node_id for node_id, _, _ in places} == {first.node_id, second.node_id}
    assert sorted(layers for _, *layers in places) == [[0, 4], [4, 8]]
    for node in nodes:
        assert node.exo("chat", PARROT, SAYING).stdout.strip() == SAYING
    links = first.state["links"]
    assert isinstance(links, list)
    assert {str(link["transport"]) for link in links if isinstance(link, dict)} == {"pigeon"}
    assert [node.stop() for node in nodes] == [0, 0]
