"""Every disk is damaged, or the only other one is gone: nobody leads until a person accepts what is lost."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from exo_core.control_plane.inputs import LossAccepted
from exo_core.control_plane.retention import Retention
from exo_core.identifiers import CommandId, NodeId
from exo_core.state.commands import CommandAccepted, CommandAnswer, ForgetNode
from exo_core.state.events import ExtensionChanged
from exo_core.testing.simulation.cluster import VirtualCluster

FACTS = 20
LONG_S = 30.0


def cluster_with_facts(size: int, *, majority: bool = False) -> VirtualCluster:
    cluster = VirtualCluster(size, consistency="majority" if majority else "availability")
    cluster.run(5.0)
    for number in range(FACTS):
        cluster.offer("n0", ExtensionChanged(plugin="test", key=str(number), value=number))
    cluster.run(2.0)
    return cluster


def spoil(cluster: VirtualCluster, rows: dict[str, int]) -> None:
    """All power fails, and each of these disks has a row that turned bad."""
    for name, row in rows.items():
        cluster.kill(name)
        cluster.node(name).log.spoil(row)
    for name in rows:
        cluster.start(name)


def last(cluster: VirtualCluster, back: int) -> int:
    """The index of the `back`-th fact from the end."""
    return cluster.present("n0").ledger.length - back


def kept(cluster: VirtualCluster, name: str) -> Collection[str]:
    return cluster.present(name).state.extensions["test"].keys()


def lost(cluster: VirtualCluster) -> set[str]:
    return {str(number) for number in range(FACTS)} - set(kept(cluster, "n0"))


def test_where_every_disk_is_damaged_one_person_at_one_machine_sets_all_going() -> None:
    cluster = cluster_with_facts(3)
    spoil(cluster, {"n0": last(cluster, 3), "n1": last(cluster, 5), "n2": last(cluster, 7)})
    cluster.run(LONG_S)
    assert cluster.masters() == []
    assert all("exo accept-loss" in str(cluster.present(name).trouble) for name in cluster.up)
    cluster.accept_loss("n1")
    cluster.run(10.0)
    assert len(cluster.masters()) == 1
    assert len(cluster.chains()) == 1
    assert lost(cluster) == set(), "what is bad on one disk is read from another"
    assert all(cluster.present(name).trouble is None for name in cluster.up)


def test_only_what_is_bad_on_every_disk_is_lost() -> None:
    cluster = cluster_with_facts(2)
    row = last(cluster, 4)
    spoil(cluster, {"n0": row, "n1": row})
    cluster.run(LONG_S)
    assert cluster.masters() == []
    cluster.accept_loss("n0")
    cluster.run(10.0)
    assert len(cluster.chains()) == 1
    assert len(lost(cluster)) == 1


@pytest.mark.parametrize("back", [0, 10, 22])
def test_a_machine_whose_only_other_is_gone_goes_on_and_forgets_it(back: int) -> None:
    cluster = cluster_with_facts(2)
    row = max(1, last(cluster, back))
    cluster.retire("n1")
    spoil(cluster, {"n0": row})
    cluster.run(LONG_S)
    assert cluster.masters() == []
    cluster.accept_loss("n0")
    cluster.run(5.0)
    assert cluster.masters() == ["n0"]
    assert len(lost(cluster)) <= 1
    answers: list[CommandAnswer] = []
    cluster.command("n0", ForgetNode(command_id=CommandId("c"), node_id=NodeId("n1")), answers.append)
    cluster.run(2.0)
    assert [type(answer) for answer in answers] == [CommandAccepted]
    assert set(cluster.present("n0").state.members) == {"n0"}


def test_a_loss_is_not_accepted_where_a_master_restores_the_log() -> None:
    cluster = cluster_with_facts(2)
    cluster.partition(["n0"], ["n1"])
    spoil(cluster, {"n1": last(cluster, 3)})
    cluster.heal()
    cluster.run(0.5)
    cluster.accept_loss("n1")
    cluster.run(5.0)
    assert cluster.masters() == ["n0"]
    assert lost(cluster) == set()
    assert len(cluster.chains()) == 1


def test_a_person_accepts_only_the_damage_that_was_told() -> None:
    cluster = cluster_with_facts(2)
    spoil(cluster, {"n0": last(cluster, 3), "n1": last(cluster, 5)})
    cluster.run(LONG_S)
    cluster.step("n0", [LossAccepted("another row fails its checksum")])
    cluster.run(5.0)
    assert cluster.masters() == []
    assert "exo accept-loss" in str(cluster.present("n0").trouble)
    cluster.accept_loss("n0")
    cluster.run(5.0)
    assert cluster.masters() == ["n0"]


def without_a_beginning(name: str) -> VirtualCluster:
    """Of two machines one is gone, and the other has lost all that a snapshot summed up."""
    cluster = VirtualCluster(2, retention=Retention(snapshot_every=16, recent_s=5.0))
    cluster.run(3.0)
    for number in range(100):
        cluster.offer("n0", ExtensionChanged(plugin="test", key=str(number), value=number))
        cluster.run(0.05)
    assert cluster.node(name).log.snapshot is not None
    for node in ("n0", "n1"):
        cluster.kill(node)
    cluster.node(name).log.spoil_snapshot()
    cluster.start(name)
    return cluster


@pytest.mark.parametrize("name", ["n0", "n1"])
def test_a_machine_of_whose_log_nothing_is_left_founds_the_cluster_anew_only_when_a_person_says_so(name: str) -> None:
    cluster = without_a_beginning(name)
    cluster.run(LONG_S)
    assert cluster.masters() == [], "also not the founder: what is lost may have spoken of others"
    assert "exo accept-loss" in str(cluster.present(name).trouble)
    cluster.accept_loss(name)
    cluster.kill(name)
    cluster.start(name)
    cluster.run(LONG_S)
    assert cluster.masters() == [], "it was not founded yet when it started anew, so a person is asked again"
    saved = len(cluster.node(name).log.outbox)
    cluster.accept_loss(name)
    cluster.run(5.0)
    assert cluster.masters() == [name]
    assert cluster.present(name).trouble is None
    assert set(cluster.present(name).state.members) == {name}
    assert cluster.present(name).ledger.length >= saved > 0


def test_a_majority_goes_on_once_a_majority_was_told() -> None:
    cluster = cluster_with_facts(3, majority=True)
    row = last(cluster, 2)
    spoil(cluster, dict.fromkeys(("n0", "n1", "n2"), row))
    cluster.run(LONG_S)
    cluster.accept_loss("n0")
    cluster.run(LONG_S)
    assert cluster.masters() == []
    cluster.witness.safe_entries.accept_loss(row - 1)
    cluster.accept_loss("n1")
    cluster.run(10.0)
    assert len(cluster.masters()) == 1
    assert len(cluster.chains()) == 1
    assert len(lost(cluster)) <= 1
