"""How a cluster keeps its promises is fixed when it is created, and nobody joins who expects something else."""

from __future__ import annotations

from collections.abc import Callable

from exo_core.testing.node_process import NodeProcess, eventually

MakeNode = Callable[..., NodeProcess]


def refusal(node: NodeProcess, *arguments: str) -> str:
    """The one line with which a node ends that may not start like this."""
    before = len(node.output) if node.home.with_suffix(".out").exists() else 0
    assert node.launch(*arguments).wait(timeout=60) == 1, node.output
    (line,) = [line for line in node.output[before:].splitlines() if line.startswith("Error")]
    return line


def test_consistency_is_asked_for_once(make_node: MakeNode) -> None:
    alpha = make_node("alpha", environment={"EXO_CONSISTENCY": "majority"}).start()
    assert eventually(lambda: alpha.state["consistency"], "it is founded") == "majority"
    other = make_node("beta")
    assert "keeps 'majority'" in refusal(other, "--consistency", "availability", "--join", alpha.invite())
    assert not (other.home / "current").exists(), "nothing was adopted"
    beta = make_node("gamma").start("--join", alpha.invite())
    eventually(lambda: beta.alive_nodes() == ["alpha", "gamma"], "one that asks for nothing is in")
    assert beta.state["consistency"] == "majority"
    assert beta.stop() == 0
    assert "keeps 'majority'" in refusal(beta, "--consistency", "availability")
    beta.start("--consistency", "majority")
    eventually(lambda: alpha.alive_nodes() == ["alpha", "gamma"], "it is back")


def test_the_greeting_names_the_port_that_was_drawn(make_node: MakeNode) -> None:
    alpha = make_node("alpha")
    alpha.launch("--api-port", "0")
    greeting = eventually(lambda: [line for line in alpha.output.splitlines() if "status page" in line], "it serves")
    alpha.port = int(greeting[0].rpartition(":")[2])
    assert alpha.port > 0
    assert alpha.get("/health")["status"] == "ok"
