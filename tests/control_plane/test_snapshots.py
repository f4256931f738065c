"""Snapshots in a virtual cluster: whoever was away comes back, and two histories compacted apart still meet."""

from __future__ import annotations

from exo_core.control_plane.inputs import Differs, MasterIs, Received
from exo_core.control_plane.ledger import Ledger
from exo_core.control_plane.messages import OfferFacts
from exo_core.control_plane.retention import Retention
from exo_core.identifiers import BootId, NodeId, Origin
from exo_core.state.events import ExtensionChanged, FactId, Offer
from exo_core.testing.simulation.cluster import VirtualCluster
from exo_core.wire.codec import pack

SHORT = Retention(snapshot_every=64, recent_s=5.0)


def offer(cluster: VirtualCluster, name: str, numbers: range) -> None:
    """Facts of a node, each waited for."""
    for number in numbers:
        fact = ExtensionChanged(plugin="test", key=str(number), value=number)
        cluster.offer(name, fact, waiter=number + 1)
        if number % 50 == 0:
            cluster.run(0.1)


def keys(cluster: VirtualCluster, name: str) -> set[str]:
    """Of the test's facts that a node's state shows."""
    return set(cluster.present(name).state.extensions.get("test", {}))


def all_of(*numbers: range) -> set[str]:
    return {str(number) for several in numbers for number in several}


def test_settled_entries_are_replaced_by_a_snapshot_on_every_node() -> None:
    cluster = VirtualCluster(3, retention=SHORT)
    cluster.run(3.0)
    offer(cluster, "n1", range(300))
    cluster.run(3.0)
    for name in cluster.up:
        log = cluster.node(name).log
        assert log.snapshot is not None
        assert log.first_index > 250
        assert log.snapshot.facts == (), "every member has them"
        assert keys(cluster, name) == all_of(range(300))


def test_a_node_restarts_from_its_snapshot() -> None:
    cluster = VirtualCluster(2, retention=SHORT)
    cluster.run(3.0)
    offer(cluster, "n0", range(200))
    cluster.run(3.0)
    before = cluster.present("n1").state
    cluster.kill("n1")
    cluster.start("n1")
    assert cluster.present("n1").state == before
    cluster.run(3.0)
    assert len(cluster.chains()) == 1


def test_who_returns_from_before_a_snapshot_installs_it_and_brings_what_it_knew_alone() -> None:
    cluster = VirtualCluster(3, retention=SHORT)
    cluster.run(3.0)
    cluster.partition(["n0", "n1"], ["n2"])
    cluster.run(3.0)
    offer(cluster, "n2", range(1000, 1010))
    offer(cluster, "n0", range(200))
    cluster.run(8.0)
    offer(cluster, "n0", range(200, 400))
    cluster.run(3.0)
    assert cluster.node("n0").log.first_index > 300
    cluster.heal()
    cluster.run(8.0)
    assert len(cluster.chains()) == 1
    assert keys(cluster, "n2") == all_of(range(400), range(1000, 1010))


def test_two_sides_that_compacted_apart_lose_nothing_and_double_nothing() -> None:
    cluster = VirtualCluster(4, retention=SHORT)
    cluster.run(3.0)
    cluster.partition(["n0", "n1"], ["n2", "n3"])
    cluster.run(8.0)
    offer(cluster, "n0", range(300))
    offer(cluster, "n3", range(1000, 1300))
    cluster.run(8.0)
    offer(cluster, "n0", range(300, 400))
    offer(cluster, "n3", range(1300, 1400))
    cluster.run(3.0)
    for name in cluster.up:
        snapshot = cluster.node(name).log.snapshot
        assert snapshot is not None
        assert len(snapshot.facts) > 200, "the other side does not have them"
    cluster.heal()
    cluster.run(15.0)
    assert len(cluster.chains()) == 1
    for name in cluster.up:
        assert keys(cluster, name) == all_of(range(400), range(1000, 1400))
        assert not cluster.node(name).log.outbox
    offer(cluster, "n1", range(2000, 2100))
    cluster.run(5.0)
    for name in cluster.up:
        snapshot = cluster.node(name).log.snapshot
        assert snapshot is not None
        assert snapshot.facts == (), "now every member has them"


def test_an_event_of_a_newer_version_is_kept_verbatim_and_passed_on_within_a_snapshot() -> None:
    cluster = VirtualCluster(3, retention=SHORT)
    cluster.run(3.0)
    origin = Origin(node_id=NodeId("n1"), boot=BootId(77))
    unknown = Offer(event_id=FactId(origin=origin, seq=1), payload=pack({"type": "moon_phase", "full": True}))
    cluster.kill("n2")
    cluster.step("n0", [Received(NodeId("n1"), OfferFacts(offers=(unknown,)))])
    cluster.run(8.0)
    offer(cluster, "n0", range(200))
    cluster.run(3.0)
    assert cluster.node("n0").log.first_index > 150
    cluster.start("n2")
    cluster.run(5.0)
    snapshot = cluster.node("n2").log.snapshot
    assert snapshot is not None
    assert [entry.payload for entry in snapshot.unreduced] == [unknown.payload]
    assert cluster.present("n2").ledger.last_seqs[origin] == 1
    assert len(cluster.chains()) == 1


def test_a_damaged_log_is_whole_when_a_snapshot_brought_all_that_the_master_has() -> None:
    """No entry follows the snapshot, so none comes that would say so."""
    cluster = VirtualCluster(3, consistency="majority", retention=Retention(snapshot_every=16, recent_s=5.0))
    cluster.run(5.0)
    while (length := cluster.present("n0").ledger.length) < 126:
        cluster.offer("n0", ExtensionChanged(plugin="test", key=str(length), value=length))
        cluster.run(0.02)
    cluster.run(3.0)
    cluster.kill("n1")
    cluster.node("n1").log.spoil_snapshot()
    cluster.start("n1")
    cluster.run(5.0)
    assert cluster.node("n1").log.first_index == cluster.present("n0").ledger.length + 1 == 129
    assert cluster.present("n1").trouble is None
    assert len(cluster.chains()) == 1


def test_a_master_whose_state_went_wrong_makes_room_and_sums_up_again() -> None:
    cluster = VirtualCluster(3, retention=SHORT)
    cluster.run(3.0)
    offer(cluster, "n0", range(130))
    cluster.run(1.0)
    spoil(cluster.present("n0").ledger)
    told = cluster.run_and_watch("n0", 10.0)
    assert [output for output in told if isinstance(output, Differs)]
    assert next(output.master_id for output in told if isinstance(output, MasterIs)) is None, "it steps down"
    assert len({cluster.present(name).ledger.hash_at(128) for name in cluster.up}) == 1
    assert {cluster.present(name).trouble for name in cluster.up} == {None}
    assert len(cluster.masters()) == 1


def spoil(ledger: Ledger) -> None:
    """What a flipped bit in memory does to a remembered state."""
    for point in ledger._points:  # pyright: ignore[reportPrivateUsage]  nothing but a fault gets there
        object.__setattr__(point, "state", point.state.model_copy(update={"extensions": {}}))
    ledger._hashes.clear()  # pyright: ignore[reportPrivateUsage]
