"""All logs of a cluster are damaged: `exo status` says what is wrong and what to type, which sets it going again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import cast

import pytest

from exo_core.testing.node_process import NodeProcess, eventually

MakeNode = Callable[..., NodeProcess]


def spoil(node: NodeProcess, behind_end: int) -> None:
    """Let a row of its log turn bad while the machine is off."""
    (log,) = node.home.glob("**/log.sqlite")
    with closing(sqlite3.connect(log)) as database, database:
        database.execute(
            "UPDATE entries SET crc = crc + 1 WHERE number = (SELECT max(number) FROM entries) - ?", (behind_end,)
        )


@pytest.mark.timeout(240)
def test_a_cluster_whose_logs_are_all_damaged_is_set_going_by_one_person(make_node: MakeNode) -> None:
    alpha, beta = nodes = [make_node("alpha"), make_node("beta")]
    alpha.start()
    beta.start("--join", alpha.invite())
    eventually(lambda: beta.alive_nodes() == ["alpha", "beta"], "they know each other")
    instance_id = alpha.exo("place", "tiny").stdout.strip().split()[-1]
    eventually(lambda: alpha.state["log"] == beta.state["log"], "one log")
    refused = alpha.exo("accept-loss", "--yes", check=False)
    assert (refused.returncode, "nothing of this machine's log is lost" in refused.stderr) == (1, True)
    for node in nodes:
        node.power_off()
    spoil(alpha, 1)
    spoil(beta, 2)
    for node in nodes:
        node.start()
    told = eventually(lambda: out if "exo accept-loss" in (out := alpha.exo("status").stdout) else None, "it is told")
    assert "was damaged" in told
    assert alpha.state["master"] is None
    eventually(lambda: "beta" in alpha.exo("status").stdout and "alpha" in beta.exo("status").stdout, "they meet")
    elsewhere = beta.exo("accept-loss", "--yes", check=False)
    assert (elsewhere.returncode, "The log of alpha goes on to entry" in elsewhere.stderr) == (1, True)
    assert "are kept" in alpha.exo("accept-loss", "--yes").stdout
    eventually(lambda: {str(node.state["master"]) for node in nodes} - {"None"}, "somebody leads")
    eventually(lambda: alpha.state["log"] == beta.state["log"], "one log again")
    assert instance_id in cast("dict[str, object]", beta.state["instances"])
    eventually(lambda: "damaged" not in beta.exo("status").stdout, "what was restored is trusted")
