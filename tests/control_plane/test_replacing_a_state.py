"""A node whose state differs fetches a snapshot: from whom, and how far it must reach, so that nothing is given up."""

from __future__ import annotations

import pytest

from exo_core.control_plane.inputs import Outgoing, Received
from exo_core.control_plane.ledger import Ledger
from exo_core.control_plane.messages import FetchSnapshot, SnapshotPart
from exo_core.control_plane.retention import Retention
from exo_core.control_plane.standing_of import REDUCERS
from exo_core.control_plane.trouble import Trouble
from exo_core.control_plane.wholeness import Wholeness
from exo_core.election.messages import Heartbeat, StateMark
from exo_core.identifiers import BootId, NodeId
from exo_core.state.events import ExtensionChanged
from exo_core.testing.simulation.cluster import VirtualCluster

SHORT = Retention(snapshot_every=64, recent_s=5.0)
ONE, OTHER = NodeId("n1"), NodeId("n2")


@pytest.mark.parametrize("wrong", ["n0", "n1"])
def test_of_two_the_one_whose_state_is_not_what_its_log_amounts_to_is_mended(wrong: str) -> None:
    """Also when that is the master, to whom a tie goes, and when nothing is settled that could be taken over."""
    cluster = VirtualCluster(3, retention=Retention(snapshot_every=64, recent_s=600.0))
    cluster.run(3.0)
    cluster.kill("n2")
    cluster.run(3.0)
    assert cluster.masters() == ["n0"]
    cluster.process(wrong).go_wrong()
    for number in range(150):
        cluster.offer("n0", ExtensionChanged(plugin="test", key=str(number), value=number), waiter=number + 1)
    cluster.run(10.0)
    right = cluster.witness.state_at(cluster.present("n0").ledger.chain)
    assert [cluster.present(name).state == right for name in cluster.up] == [True, True]
    assert {cluster.present(name).trouble for name in cluster.up} == {None}
    assert len(cluster.masters()) == 1


@pytest.fixture
def cluster() -> VirtualCluster:
    """Three nodes in `majority`, each with a snapshot."""
    cluster = VirtualCluster(3, consistency="majority", retention=SHORT)
    cluster.run(3.0)
    for number in range(150):
        cluster.offer("n0", ExtensionChanged(plugin="test", key=str(number), value=number), waiter=number + 1)
    cluster.run(3.0)
    return cluster


def base(cluster: VirtualCluster) -> int:
    """What the snapshot of n0 sums up."""
    index = cluster.node("n0").log.first_index - 1
    assert index >= 64
    return index


def dissent(ledger: Ledger, cluster: VirtualCluster) -> Heartbeat:
    """Of a master with the same log and another state."""
    index = ledger.newest_point()
    state = StateMark(index=index, chain=ledger.chain_at(index) or b"", hash=b"another")
    standing = cluster.present("n1").standing()
    return Heartbeat(
        boot=BootId(1),
        epoch=cluster.present("n0").election.epoch,
        leads=True,
        follows=False,
        followers=3,
        priority=0,
        mark=standing.mark.model_copy(update={"state": state}),
        reducers=REDUCERS,
    )


def in_doubt(cluster: VirtualCluster) -> Wholeness:
    """Of n0: summed up again, and still the others differ."""
    ledger = cluster.present("n0").ledger
    trouble = Trouble(ledger, NodeId("n0"))
    wholeness = Wholeness(ledger, trouble)
    for _ in range(2):
        for peer in (ONE, OTHER):
            wholeness.hear(peer, dissent(ledger, cluster))
        list(wholeness.tick((ONE, OTHER), None, now=100.0))
    assert trouble.cure == "fetching"
    return wholeness


def part_of(index: int) -> SnapshotPart:
    """The only part of a snapshot, not yet the last."""
    return SnapshotPart(index=index, chain=b"", offset=0, total=2, data=b"1")


def asked(wholeness: Wholeness, now: float) -> list[NodeId]:
    """Who is asked for a snapshot, under a master."""
    told = wholeness.tick((ONE, OTHER), ONE, now)
    return [output.to for output in told if isinstance(output, Outgoing)]


def test_without_a_master_nothing_is_fetched(cluster: VirtualCluster) -> None:
    """What follows the snapshot would be on this disk no more, and nobody there to bring it."""
    wholeness = in_doubt(cluster)
    assert list(wholeness.tick((ONE, OTHER), None, now=102.0)) == []
    assert asked(wholeness, now=102.0) == [ONE]


def test_in_majority_a_snapshot_that_ends_before_the_own_one_is_not_taken(cluster: VirtualCluster) -> None:
    wholeness = in_doubt(cluster)
    assert asked(wholeness, now=102.0) == [ONE]
    assert wholeness.receive(ONE, part_of(base(cluster) - 1), now=102.1) == ([], None)
    assert asked(wholeness, now=103.2) == [OTHER], "somebody else is asked"
    following, snapshot = wholeness.receive(OTHER, part_of(base(cluster)), now=103.3)
    assert [output.message for output in following] == [FetchSnapshot(offset=1)]
    assert snapshot is None


def test_who_has_no_log_serves_no_snapshot(cluster: VirtualCluster) -> None:
    cluster.add("newcomer")
    cluster.partition(["newcomer"], ["n0", "n1", "n2"])
    for name, parts in (("newcomer", 0), ("n1", 1)):
        told = cluster.step(name, [Received(NodeId("n0"), FetchSnapshot(offset=0))])
        given = [output for output in told if isinstance(output, Outgoing) and isinstance(output.message, SnapshotPart)]
        assert len(given) == parts, name


def test_a_snapshot_is_no_longer_wanted_when_the_masters_entries_can_be_taken(cluster: VirtualCluster) -> None:
    ledger = cluster.present("n0").ledger
    wholeness = Wholeness(ledger, Trouble(ledger, NodeId("n0")))
    wholeness.fetch(at_least=base(cluster))
    assert wholeness.is_fetching
    wholeness.follows()
    assert not wholeness.is_fetching
    doubtful = in_doubt(cluster)
    doubtful.follows()
    assert doubtful.is_fetching, "a wrong state is not cured by more entries"
