"""Each side of a partition strikes off a member of the other; then they meet. Whoever is refused stops."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from exo_core.identifiers import CommandId, NodeId
from exo_core.state.commands import CommandAccepted, CommandAnswer, ForgetNode
from exo_core.state.events import ExtensionChanged
from exo_core.testing.simulation.cluster import VirtualCluster

MEETING_S = 5.0
"""So long may two nodes take to find out that one of them was struck off."""


@dataclass(frozen=True)
class Case:
    """`one` strikes off nodes of `other`, and the reverse; who goes on at the end, as groups of one log each."""

    one: str
    forgets: str
    other: str
    forgotten: str
    go_on: tuple[str, ...]


CASES = (
    Case("n0 n1", "n3", "n2 n3", "n1", ("n0 n2",)),
    Case("n0 n1", "n2", "n2 n3", "n0", ("n1 n3",)),
    Case("n0 n1", "n2", "n2 n3", "n1", ("n0 n3",)),
    Case("n0 n1 n2", "n3", "n3 n4", "n0", ("n1 n2 n4",)),
    Case("n0 n1 n2", "n4", "n3 n4 n5", "n1", ("n0 n2 n3 n5",)),
    Case("n0 n1", "n2", "n2", "n0", ("n0 n1",)),
    Case("n0 n1", "n2 n3", "n2 n3", "n0", ("n0 n1",)),
    Case("n0", "n1", "n1", "n0", ("n0", "n1")),
    Case("n0 n1", "n2 n3", "n2 n3", "n0 n1", ("n0 n1", "n2 n3")),
)


def forget(cluster: VirtualCluster, at: str, names: str) -> None:
    """Somebody types it, and it is acknowledged."""
    answers: list[CommandAnswer] = []
    for name in names.split():
        command = ForgetNode(command_id=CommandId(f"forget {name}"), node_id=NodeId(name))
        cluster.command(at, command, answers.append)
        cluster.run(1.0)
    assert [type(answer) for answer in answers] == [CommandAccepted] * len(names.split())


def stop_the_refused(cluster: VirtualCluster) -> None:
    """As `Departures` does: a node stops that a member refuses, unless its own log says that the refuser left."""
    left = {name: cluster.present(name).state.left for name in cluster.up}
    for name in cluster.up:
        if any(name in left[other] and other not in left[name] for other in left):
            cluster.retire(name)


def parted(case: Case) -> VirtualCluster:
    """A cluster in two parts, each of which has forgotten somebody and learned something."""
    one, other = case.one.split(), case.other.split()
    cluster = VirtualCluster(len(one) + len(other))
    cluster.run(4.0)
    cluster.partition(one, other)
    cluster.run(5.0)
    forget(cluster, one[0], case.forgets)
    forget(cluster, other[0], case.forgotten)
    for name in (one[0], other[0]):
        cluster.offer(name, ExtensionChanged(plugin="test", key=name, value=1))
    cluster.run(1.0)
    return cluster


@pytest.mark.parametrize("case", CASES, ids=str)
def test_who_is_struck_off_stops_and_the_rest_has_one_log(case: Case) -> None:
    cluster = parted(case)
    cluster.heal()
    cluster.run(MEETING_S)
    stop_the_refused(cluster)
    cluster.run(10.0)
    assert sorted(cluster.up) == sorted(" ".join(case.go_on).split())
    for group in case.go_on:
        names = group.split()
        assert len({cluster.present(name).ledger.chain for name in names}) == 1
        assert len({cluster.present(name).election.master_id for name in names}) == 1
        assert sorted(cluster.present(names[0]).state.members) == sorted(names)
        sides = [side.split() for side in (case.one, case.other)]
        learned = {side[0] for side in sides if set(side) & set(names)}
        assert cluster.present(names[0]).state.extensions["test"].keys() == learned, "all that a survivor knew"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_until_they_are_told_no_race_of_terms_begins(case: Case) -> None:
    cluster = parted(case)
    before = max(cluster.present(name).election.epoch.term for name in cluster.up)
    cluster.heal()
    cluster.run(MEETING_S)
    assert max(cluster.present(name).election.epoch.term for name in cluster.up) <= before + 3
