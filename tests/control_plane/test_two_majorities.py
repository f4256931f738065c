"""In `majority`: while members come and go there are never two majorities that do not meet."""

from __future__ import annotations

from typing import cast

import pytest

from exo_core.control_plane.commanding import Commanding
from exo_core.control_plane.leading import Leading
from exo_core.control_plane.ledger import Ledger
from exo_core.testing.simulation.cluster import VirtualCluster
from exo_core.testing.simulation.violations import Violation


def both_sides_change_members() -> VirtualCluster:
    """An old master adds a member that the new one never hears of; the new one adds another, before it reached all."""
    cluster = VirtualCluster(4, consistency="majority")
    cluster.run(3.0)
    assert cluster.masters() == ["n0"]
    cluster.add("e")
    cluster.partition(["n0", "e"], ["n1", "n2", "n3"])
    while "n3" not in cluster.masters():
        cluster.run(0.001)
    assert "e" in cluster.present("n0").state.members
    assert "e" not in cluster.present("n3").state.members
    cluster.add("f")
    cluster.partition(["n2", "n3", "f"], ["n0", "n1", "e"])
    cluster.run(4.0)
    cluster.heal()
    cluster.partition(["n2", "n3", "f"], ["n0", "n1", "e"])
    cluster.run(4.0)
    return cluster


def test_a_new_master_changes_no_members_before_its_own_reign_is_safe() -> None:
    cluster = both_sides_change_members()
    assert cluster.masters() == ["n0"], "with n1 and e, three of five; the others are two of four and go on reading"
    cluster.heal()
    cluster.run(5.0)
    assert len(cluster.chains()) == 1
    assert {"e", "f"} <= cluster.present("n1").state.members.keys()


def test_without_that_rule_final_entries_would_be_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    def as_soon_as_the_last_change_is_safe(self: Commanding) -> bool:
        leading, ledger = cast("Leading | None", vars(self)["_leading"]), cast("Ledger", vars(self)["_ledger"])
        return leading is None or leading.extent.safe >= ledger.members_changed_at

    monkeypatch.setattr(Commanding, "_may_change_members", property(as_soon_as_the_last_change_is_safe))
    with pytest.raises(Violation, match="was final"):
        both_sides_change_members()
