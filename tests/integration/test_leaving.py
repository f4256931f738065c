"""`exo leave` and `exo forget`, with real nodes: who goes is let go, told, and can come back as somebody new."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import cast

import pytest

from exo_core.testing.node_process import JsonObject, NodeProcess, eventually

MakeNode = Callable[..., NodeProcess]
PATIENCE_S = 60


def cluster_of(make_node: MakeNode, *names: str) -> list[NodeProcess]:
    """These nodes, joined and knowing each other; the first founded the cluster."""
    first, *others = [make_node(name) for name in names]
    first.start()
    for node in others:
        node.start("--join", first.invite())
    for node in (first, *others):
        eventually(lambda node=node: node.alive_nodes() == sorted(names), f"{node.name} knows all")
    return [first, *others]


def names_in(node: NodeProcess) -> list[str]:
    """The members' names, dead or alive."""
    nodes = cast("dict[str, JsonObject]", node.state["nodes"])
    return sorted(cast("str", member["name"]) for member in nodes.values())


def test_a_node_leaves_and_comes_back_as_another(make_node: MakeNode) -> None:
    alpha, beta = cluster_of(make_node, "alpha", "beta")
    cluster, first_id = str(beta.state["cluster_id"]), beta.node_id
    assert "exo run --join CODE" in beta.exo("leave").stdout
    assert beta.process.wait(timeout=PATIENCE_S) == 0, beta.output
    (line,) = [line for line in beta.output.splitlines() if "left its cluster" in line and line.startswith("beta")]
    assert "exo run" in line
    eventually(lambda: names_in(alpha) == ["alpha"], "beta haunts nothing")
    (kept,) = (beta.home / "aside").iterdir()
    assert sorted(path.name for path in kept.iterdir()) == ["cluster", "node_key.pem"]
    assert not (beta.home / "current").exists()

    beta.start()
    assert beta.state["cluster_id"] != cluster
    assert beta.node_id != first_id
    assert beta.stop() == 0
    beta.start("--join", alpha.invite())
    eventually(lambda: beta.alive_nodes() == ["alpha", "beta"], "it is in again")
    eventually(lambda: names_in(alpha) == ["alpha", "beta"], "once")


def test_the_master_leaves_and_what_was_placed_there_is_placed_anew(make_node: MakeNode) -> None:
    nodes = cluster_of(make_node, "alpha", "beta", "gamma")
    master_id = eventually(lambda: cast("str | None", nodes[0].state["master"]), "there is a master")
    master = next(node for node in nodes if node.node_id == master_id)
    others = [node for node in nodes if node is not master]
    instance_id = others[0].exo("place", "tiny", "--nodes", master.name, "--no-wait").stdout.strip()
    eventually(lambda: instance_id in cast("JsonObject", others[0].state["instances"]), "it is wished")
    master.exo("leave")
    assert master.process.wait(timeout=PATIENCE_S) == 0
    for node in others:
        eventually(lambda node=node: len(node.alive_nodes()) == 2 and node.state["master"], "they go on")
        assert names_in(node) == sorted(other.name for other in others)

    def is_waiting() -> bool:  # it was wished for that machine alone
        instance = cast("JsonObject", cast("JsonObject", others[0].state["instances"])[instance_id])
        return instance["status"] == "waiting" and not instance["shards"]

    eventually(is_waiting, "nobody holds it")


def test_the_last_one_has_nothing_to_leave(make_node: MakeNode) -> None:
    alpha = make_node("alpha").start()
    refused = alpha.exo("leave", check=False)
    assert refused.returncode == 1
    assert "nothing to leave" in refused.stderr
    assert alpha.alive_nodes() == ["alpha"]


@pytest.mark.slow  # a command waits 15 s for a master
def test_without_a_master_nobody_knows_whether_it_left(make_node: MakeNode) -> None:
    alpha = make_node("alpha", "--consistency", "majority").start()
    beta = make_node("beta").start("--join", alpha.invite())
    for node in (alpha, beta):
        eventually(lambda node=node: node.alive_nodes() == ["alpha", "beta"], "both are in")
    beta.kill()
    refused = alpha.exo("leave", check=False)
    assert refused.returncode == 1
    assert "take effect when the others are back" in refused.stderr
    assert "exo forget" in refused.stderr
    assert alpha.process.poll() is None, "it goes on"


def test_a_machine_that_was_forgotten_is_told_so_and_what_to_type(make_node: MakeNode) -> None:
    alpha, beta, gamma = cluster_of(make_node, "alpha", "beta", "gamma")
    alive = alpha.exo("forget", "beta", check=False)
    assert (alive.returncode, "exo leave" in alive.stderr) == (1, True)
    unknown = alpha.exo("forget", "nobody", check=False)
    assert (unknown.returncode, "no node named" in unknown.stderr) == (1, True)
    beta_id = beta.node_id
    beta.kill()
    eventually(lambda: alpha.alive_nodes() == ["alpha", "gamma"], "beta is dead")
    assert "beta" in alpha.exo("forget", beta_id[:10]).stdout
    for node in (alpha, gamma):
        eventually(lambda node=node: names_in(node) == ["alpha", "gamma"], "it is gone for all")

    process = beta.launch()
    assert process.wait(timeout=PATIENCE_S) == 1, beta.output
    (line,) = [line for line in beta.output.splitlines() if line.startswith("Error")]
    assert "beta" in line
    assert "forgotten" in line
    assert "exo run --join CODE" in line
    beta.start("--join", alpha.invite())
    eventually(lambda: beta.alive_nodes() == ["alpha", "beta", "gamma"], "it is in again, as another")
    assert beta.node_id != beta_id


def test_a_copied_identity_is_refused_by_name(make_node: MakeNode) -> None:
    alpha, beta = cluster_of(make_node, "alpha", "beta")
    copy = make_node("copy")
    shutil.copytree(beta.home, copy.home, ignore=shutil.ignore_patterns("node.sock", "lock"))
    process = copy.launch()
    assert process.wait(timeout=PATIENCE_S) == 1, copy.output
    (line,) = [line for line in copy.output.splitlines() if line.startswith("Error")]
    assert "two machines with one copied identity" in line
    assert "--home" in line
    assert (copy.home / "node_key.pem").exists(), "nothing was set aside"
    assert alpha.alive_nodes() == ["alpha", "beta"]
    assert beta.alive_nodes() == ["alpha", "beta"]
