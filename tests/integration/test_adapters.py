"""A model with an adapter, named on one machine and computed by two: the second brings its part from the first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from exo_backend_mlx.testing.random_adapters import with_random_adapter
from exo_backend_mlx.testing.random_models import write_random_model
from exo_core.testing.node_process import NodeProcess

MakeCluster = Callable[..., list[NodeProcess]]
Greedy = Callable[..., str]
PROMPT = "What is exo?"


def test_an_adapted_model_over_two_nodes(make_cluster: MakeCluster, greedy: Greedy, tmp_path: Path) -> None:
    nodes = make_cluster(2)
    base = write_random_model(tmp_path / "base", layers=4, seed=7)
    adapter = with_random_adapter(base, tmp_path / "pirate")
    added = nodes[0].exo("models", "add", str(base), "--adapter", str(adapter)).stdout
    model = added.strip().removeprefix("added ")
    assert "adapted/base+pirate-" in model
    texts: dict[str, str] = {}
    for name, count in ((str(base), 1), (model, 1), (model, 2)):
        instance = nodes[0].place(name, "--min-nodes", str(count))
        texts[f"{Path(name).name} {count}"] = greedy(nodes[1], name, PROMPT)
        nodes[0].exo("remove", instance)
    plain, whole, split = texts.values()
    assert whole == split
    assert whole != plain
    missing = nodes[0].exo("models", "add", "nobody/has-this", "--adapter", str(adapter), check=False)
    assert "exo models download nobody/has-this" in missing.stderr
    assert (
        "holds no adapter_config.json"
        in nodes[0].exo("models", "add", str(base), "--adapter", str(tmp_path), check=False).stderr
    )
