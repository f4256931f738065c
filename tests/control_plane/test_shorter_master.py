"""A node whose disk lost the log leads: who still holds the history never throws it away to follow the shorter one."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from exo_core.control_plane.retention import Retention
from exo_core.state.events import ExtensionChanged
from exo_core.testing.simulation.cluster import VirtualCluster

SHORT = Retention(snapshot_every=64, recent_s=5.0)


def offer(cluster: VirtualCluster, name: str, numbers: Iterable[int]) -> None:
    for number in numbers:
        cluster.offer(name, ExtensionChanged(plugin="test", key=str(number), value=number), waiter=number + 1)
        if number % 50 == 0:
            cluster.run(0.1)


def keys(cluster: VirtualCluster, name: str) -> set[int]:
    return {int(key) for key in cluster.present(name).state.extensions.get("test", {})}


def compacted(seed: int) -> VirtualCluster:
    """Two members who both summed up what both have, and whose power fails."""
    cluster = VirtualCluster(2, seed=seed, retention=SHORT)
    cluster.run(3.0)
    offer(cluster, "n0", range(0, 280, 2))
    offer(cluster, "n1", range(1, 280, 2))
    cluster.run(3.0)
    for name in ("n0", "n1"):
        snapshot = cluster.node(name).log.snapshot
        assert snapshot is not None
        assert snapshot.facts == ()
    cluster.kill("n0")
    cluster.kill("n1")
    cluster.node("n0").log.spoil_snapshot()
    return cluster


@pytest.mark.parametrize("seed", range(5))
def test_who_accepts_a_loss_gets_from_a_damaged_log_what_that_still_sums_up(seed: int) -> None:
    cluster = compacted(seed)
    other = cluster.node("n1").log
    assert other.length - other.first_index >= 2
    other.spoil(other.length - 1)
    cluster.start("n0")
    cluster.start("n1")
    cluster.run(10.0)
    assert cluster.masters() == []
    cluster.accept_loss("n0")
    cluster.run(15.0)
    assert len(cluster.masters()) == 1
    assert len(cluster.chains()) == 1
    assert keys(cluster, "n0") == set(range(280))
    assert {cluster.present(name).trouble for name in cluster.up} == {None}


@pytest.mark.parametrize("seed", range(5))
def test_a_machine_that_returns_with_a_sound_log_keeps_it_and_gets_what_is_new(seed: int) -> None:
    cluster = compacted(seed)
    cluster.start("n0")
    cluster.accept_loss("n0")
    cluster.run(3.0)
    assert cluster.masters() == ["n0"]
    offer(cluster, "n0", range(1000, 1020))
    cluster.run(3.0)
    cluster.start("n1")
    cluster.run(15.0)
    assert len(cluster.masters()) == 1
    assert len(cluster.chains()) == 1
    assert keys(cluster, "n0") == {*range(280), *range(1000, 1020)}


def test_two_histories_that_cannot_become_one_are_both_kept_and_a_person_is_told() -> None:
    cluster = compacted(0)
    cluster.start("n0")
    cluster.accept_loss("n0")
    cluster.run(3.0)
    offer(cluster, "n0", range(1000, 1200))
    cluster.run(8.0)
    offer(cluster, "n0", range(1200, 1300))
    cluster.run(3.0)
    cluster.start("n1")
    cluster.run(20.0)
    assert keys(cluster, "n1") >= set(range(280))
    assert keys(cluster, "n0") >= set(range(1000, 1300))
    (master,) = cluster.masters()
    (other,) = {"n0", "n1"} - {master}
    assert "exo leave" in str(cluster.present(other).trouble)


@pytest.mark.parametrize("seed", range(5))
def test_a_newcomer_that_leads_with_the_beginning_of_the_log_gets_the_rest(seed: int) -> None:
    cluster = VirtualCluster(2, seed=seed, retention=Retention(snapshot_every=1000, recent_s=5.0))
    cluster.run(3.0)
    offer(cluster, "n0", range(700))
    cluster.run(1.0)
    cluster.add("n2")
    while not cluster.node("n2").log.length:
        cluster.run(0.002)
    cluster.kill("n2")
    beginning = cluster.node("n2").log.length
    assert beginning < 700
    cluster.run(8.0)
    offer(cluster, "n0", range(700, 1300))
    cluster.run(3.0)
    assert cluster.node("n0").log.first_index > beginning
    cluster.kill("n0")
    cluster.kill("n1")
    cluster.start("n2")
    cluster.run(3.0)
    assert cluster.masters() == ["n2"]
    cluster.start("n0")
    cluster.start("n1")
    cluster.run(15.0)
    assert len(cluster.masters()) == 1
    assert len(cluster.chains()) == 1
    for name in cluster.up:
        assert keys(cluster, name) == set(range(1300))
