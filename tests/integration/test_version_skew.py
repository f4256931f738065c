"""One machine was brought to a newer exo and another was not: both say so by name, and which one to bring up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

from exo_core.testing.node_process import JsonObject, NodeProcess, eventually
from exo_core.testing.plugin_folder import with_plugins
from exo_core.wire.hello import WIRE_VERSION

MakeNode = Callable[..., NodeProcess]

NEWER = f"""
from exo_core.wire.hello import Hello

plain = Hello.__init__


def introduce(self, **values):
    plain(self, **{{**values, "wire_version": {WIRE_VERSION + 1}, "exo_version": "99.0.0"}})


Hello.__init__ = introduce
"""
"""A module that makes a node introduce itself as a later version would."""


def problems(node: NodeProcess) -> list[JsonObject]:
    """What `/state` says is wrong."""
    return cast("list[JsonObject]", node.state["problems"])


def test_both_sides_name_the_machine_that_is_behind(make_node: MakeNode, tmp_path: Path) -> None:
    alpha, beta = make_node("alpha").start(), make_node("beta")
    beta.start("--join", alpha.invite())
    for node in (alpha, beta):
        eventually(lambda node=node: node.alive_nodes() == ["alpha", "beta"], "they are one cluster")
    assert not problems(alpha)
    names = {alpha.node_id: "alpha", beta.node_id: "beta"}
    assert beta.stop() == 0

    newer = make_node("beta", environment=with_plugins(tmp_path / "plugins", {"newer": "newer_exo"}))
    (tmp_path / "plugins" / "newer_exo.py").write_text(NEWER)
    newer.start()
    for node, other in ((alpha, "beta"), (newer, "alpha")):
        (problem,) = eventually(lambda node=node: problems(node), f"{node.name} shows it")
        assert (problem["name"], names[cast("str", problem["node"])]) == (other, other)
        reason = cast("str", problem["reason"])
        assert f"beta runs exo 99.0.0 (wire {WIRE_VERSION + 1})" in reason
        assert reason.endswith(": bring alpha to exo 99.0.0")
        shown = " ".join(node.exo("status").stdout.split())
        assert f"! {reason}" in shown
    assert "beta" not in alpha.alive_nodes()
    assert newer.stop() == 0

    beta.start()
    eventually(lambda: alpha.alive_nodes() == ["alpha", "beta"], "the same version is let in again")
    eventually(lambda: not problems(alpha), "and all is well")
