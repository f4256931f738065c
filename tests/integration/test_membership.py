"""Who gets in, and who does not."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from exo_core.testing.node_process import NodeProcess, eventually

MakeNode = Callable[..., NodeProcess]


@pytest.fixture
def alpha(make_node: MakeNode) -> NodeProcess:
    """A cluster of one."""
    return make_node("alpha").start()


def refused_join(node: NodeProcess, code: str) -> str:
    """What a joiner prints when it is not let in; it must end by itself with status 1 and one line."""
    process = node.launch("--join", code)
    assert process.wait(timeout=30) == 1, node.output
    lines = [line for line in node.output.splitlines() if line.startswith("Error")]
    assert len(lines) == 1, node.output
    return lines[0]


def test_a_code_is_good_once(alpha: NodeProcess, make_node: MakeNode) -> None:
    code = alpha.invite()
    beta = make_node("beta").start("--join", code)
    eventually(lambda: alpha.alive_nodes() == ["alpha", "beta"], "beta is in")
    assert "already used" in refused_join(make_node("gamma"), code)
    assert alpha.alive_nodes() == ["alpha", "beta"]
    assert beta.alive_nodes() == ["alpha", "beta"]


def test_an_expired_code_is_refused(alpha: NodeProcess, make_node: MakeNode) -> None:
    code = alpha.exo("invite", "--minutes", "0.02").stdout.split()[-1]
    time.sleep(1.5)  # the code's life is what is tested
    assert "expired" in refused_join(make_node("beta"), code)


@pytest.mark.parametrize("code", ["nonsense", "exo1", "exo1aaaaaaaaaaaaaaaaaaaaaaaa"])
def test_a_broken_code_is_refused_with_advice(make_node: MakeNode, code: str) -> None:
    assert "exo invite" in refused_join(make_node("beta"), code)


def test_two_clusters_never_mix(alpha: NodeProcess, make_node: MakeNode) -> None:
    ticket = next(line.split()[-1] for line in alpha.output.splitlines() if "peers reach it at" in line)
    stranger = make_node("stranger").start("--peer", ticket)
    eventually(lambda: "cannot reach" in stranger.output or "refused" in stranger.output, "the stranger was refused")
    assert stranger.alive_nodes() == ["stranger"]
    assert alpha.alive_nodes() == ["alpha"]
    assert stranger.state["cluster_id"] != alpha.state["cluster_id"]


def test_the_right_secret_and_a_peer_are_enough(make_node: MakeNode) -> None:
    secret = {"EXO_SECRET": "ab" * 32}
    alpha = make_node("alpha", environment=secret).start()
    ticket = next(line.split()[-1] for line in alpha.output.splitlines() if "peers reach it at" in line)
    beta = make_node("beta", environment=secret).start("--peer", ticket)
    eventually(lambda: beta.alive_nodes() == ["alpha", "beta"], "they meet")
    assert beta.state["cluster_id"] == alpha.state["cluster_id"]


def test_joining_keeps_the_old_cluster_aside(alpha: NodeProcess, make_node: MakeNode) -> None:
    beta = make_node("beta").start()
    old = beta.state["cluster_id"]
    assert beta.stop() == 0
    beta.start("--join", alpha.invite())
    assert beta.state["cluster_id"] == alpha.state["cluster_id"]
    assert (beta.home / "clusters" / str(old) / "secret").is_file()
    assert "kept aside" in beta.output


def test_two_processes_on_one_home_are_refused(alpha: NodeProcess, make_node: MakeNode) -> None:
    second = make_node("alpha")
    assert second.home == alpha.home
    process = second.launch()
    assert process.wait(timeout=20) == 1
    assert "a node already runs with the home" in second.output


def test_secrets_are_readable_by_the_person_only(alpha: NodeProcess) -> None:
    private = [*alpha.home.glob("clusters/*/secret"), alpha.home / "node_key.pem", alpha.home / "node.sock"]
    assert len(private) == 3
    assert [oct(path.stat().st_mode & 0o077) for path in private] == ["0o0"] * 3
