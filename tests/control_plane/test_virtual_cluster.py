"""What a virtual cluster does in single situations; `tests/simulation` has the storms."""

from __future__ import annotations

from exo_core.control_plane.inputs import Commanded, Offered
from exo_core.control_plane.leading import WINDOW
from exo_core.control_plane.messages import NotMaster
from exo_core.identifiers import CommandId, NodeId
from exo_core.log.payloads import decode_event
from exo_core.state.commands import ChangeExtension, CommandAccepted
from exo_core.state.events import ExtensionChanged
from exo_core.testing.simulation.cluster import VirtualCluster


def fact(number: int) -> ExtensionChanged:
    return ExtensionChanged(plugin="test", key=str(number), value=number)


def history(cluster: VirtualCluster, name: str) -> list[str]:
    """The keys of the test's facts in a node's log, in order."""
    entries = cluster.present(name).ledger.read(0, 1_000_000)
    events = [decode_event(entry.payload) for entry in entries]
    return [event.key for event in events if isinstance(event, ExtensionChanged)]


def test_facts_of_both_sides_of_a_partition_meet_once_each() -> None:
    cluster = VirtualCluster(3)
    cluster.run(3.0)
    cluster.partition(["n0"], ["n1", "n2"])
    cluster.run(4.0)
    cluster.offer("n0", fact(1), waiter=1)
    cluster.offer("n1", fact(2), waiter=2)
    cluster.run(2.0)
    assert cluster.node("n0").acknowledged.keys() == {1}
    cluster.heal()
    cluster.run(5.0)
    assert len(cluster.chains()) == 1
    assert sorted(history(cluster, "n0")) == ["1", "2"]


def test_a_fork_at_the_end_of_a_long_log_is_mended() -> None:
    cluster = VirtualCluster(3)
    cluster.run(3.0)
    cluster.step("n0", [Offered(0, fact(number % 10)) for number in range(WINDOW + 200)])
    cluster.run(3.0)
    cluster.partition(["n0"], ["n1", "n2"])
    cluster.run(4.0)
    cluster.offer("n0", fact(-1))
    cluster.offer("n1", fact(-2))
    cluster.run(2.0)
    cluster.heal()
    cluster.run(5.0)
    assert len(cluster.chains()) == 1
    assert {"-1", "-2"} <= cluster.present("n2").state.extensions["test"].keys()


def test_an_acknowledgement_waits_for_a_second_disk() -> None:
    cluster = VirtualCluster(2)
    cluster.run(3.0)
    cluster.partition(["n0"], ["n1"])
    cluster.offer("n0", fact(1), waiter=1)
    cluster.run(0.5)
    assert not cluster.node("n0").acknowledged
    cluster.run(3.0)
    assert cluster.node("n0").acknowledged


def test_a_newcomer_that_alone_is_left_with_the_log_leads_before_the_log_says_that_it_is_a_member() -> None:
    cluster = VirtualCluster(1)
    cluster.run(3.0)
    for number in range(3000):
        cluster.offer("n0", fact(number))
    cluster.add("j1")
    while not cluster.present("j1").ledger.length:
        cluster.run(0.001)
    assert "j1" not in cluster.present("j1").state.members
    cluster.retire("n0")
    cluster.run_until_one_master({"j1"})
    cluster.run(1.0)
    assert "j1" in cluster.present("j1").state.members


def test_a_follower_far_behind_catches_up_in_batches() -> None:
    cluster = VirtualCluster(2)
    cluster.run(3.0)
    cluster.kill("n1")
    for number in range(3000):
        cluster.offer("n0", fact(number))
    cluster.start("n1")
    cluster.run(3.0)
    assert len(cluster.chains()) == 1
    assert len(cluster.present("n1").state.extensions["test"]) == 3000


def test_a_command_is_answered_once_it_is_safe_and_refused_by_followers() -> None:
    cluster = VirtualCluster(2)
    cluster.run(3.0)
    command = ChangeExtension(command_id=CommandId("c"), plugin="test", key="k", value=1)
    cluster.step("n1", [Commanded(1, command)])
    assert [item.reply for item in cluster.node("n1").decided] == [NotMaster(master_id=NodeId("n0"))]
    cluster.step("n0", [Commanded(2, command)])
    assert not cluster.node("n0").decided
    cluster.run(0.1)
    (answer,) = cluster.node("n0").decided
    assert isinstance(answer.reply, CommandAccepted)
    assert answer.reply.index == cluster.present("n1").ledger.length


def test_an_idle_cluster_writes_nothing() -> None:
    cluster = VirtualCluster(3)
    cluster.run(5.0)
    length = cluster.present("n0").ledger.length
    cluster.run(60.0)
    assert cluster.present("n0").ledger.length == length
    assert cluster.masters() == ["n0"]
