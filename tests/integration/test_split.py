"""A model over two and three real nodes says what one node says, whichever node is asked."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from exo_backend_mlx.testing.random_models import write_random_model
from exo_core.cli.documents import as_number, as_text, objects
from exo_core.testing.node_process import NodeProcess

MakeCluster = Callable[..., list[NodeProcess]]
Greedy = Callable[..., str]
PROMPT = "What is exo?"


@pytest.fixture(scope="module")
def nodes(make_cluster: MakeCluster) -> list[NodeProcess]:
    """Three nodes of one cluster."""
    return make_cluster(3)


def layers_of(node: NodeProcess, instance_id: str) -> list[tuple[str, int, int]]:
    """Where an instance lies."""
    shards = objects(node.instance(instance_id)["shards"])
    return [
        (as_text(shard["node_id"]), int(as_number(shard["start_layer"])), int(as_number(shard["end_layer"])))
        for shard in shards
    ]


def check_same_text(nodes: list[NodeProcess], greedy: Greedy, model: str, prompt: str) -> None:
    """Place on one node, then over two and three; every answer must be equal."""
    whole = nodes[0].place(model)
    assert len(layers_of(nodes[0], whole)) == 1
    expected = greedy(nodes[0], model, prompt)
    assert expected
    nodes[0].exo("remove", whole)
    for number in range(2, len(nodes) + 1):
        split = nodes[0].place(model, "--min-nodes", str(number))
        layers = layers_of(nodes[0], split)
        assert len({node_id for node_id, _, _ in layers}) == number, "it must really spread"
        assert all(end == start for (_, _, end), (_, start, _) in pairwise(layers))
        for node in nodes:
            assert greedy(node, model, prompt) == expected, f"over {number} nodes, asked from {node.name}"
        nodes[0].exo("remove", split)


def test_tiny_over_two_and_three_nodes(nodes: list[NodeProcess], greedy: Greedy) -> None:
    check_same_text(nodes, greedy, "tiny", PROMPT)


@pytest.mark.parametrize("architecture", ["llama", "qwen3", "gemma3_text"])
def test_random_models_over_two_and_three_nodes(
    nodes: list[NodeProcess], greedy: Greedy, tmp_path: Path, architecture: str
) -> None:
    folder = write_random_model(tmp_path / architecture, architecture=architecture, layers=4, seed=7)
    check_same_text(nodes, greedy, str(folder), PROMPT)
