"""The log under faults, on a virtual clock: nothing acknowledged is lost, nothing is doubled, all logs become one."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Literal

import pytest

from exo_core.control_plane import ledger as ledger_module
from exo_core.control_plane.inputs import Commanded
from exo_core.control_plane.messages import NotMaster
from exo_core.identifiers import CommandId, NodeId
from exo_core.log.payloads import decode_event
from exo_core.state.commands import ChangeExtension, CommandAccepted
from exo_core.state.events import Entry, ExtensionChanged, Offer
from exo_core.testing.simulation.cluster import VirtualCluster
from exo_core.testing.simulation.network import Weather

STEP_S = 0.25
CONVERGED_S = 30.0


def fact(number: int) -> ExtensionChanged:
    return ExtensionChanged(plugin="test", key=str(number), value=number)


def history(cluster: VirtualCluster, name: str) -> list[str]:
    """The keys of the test's facts in a node's log, in order."""
    entries = cluster.present(name).ledger.read(0, 1_000_000)
    events = [decode_event(entry.payload) for entry in entries]
    return [event.key for event in events if isinstance(event, ExtensionChanged)]


class Storm:
    """Random faults and offers; everything follows from the seed."""

    def __init__(self, seed: int, consistency: Literal["availability", "majority"]) -> None:
        self.random = random.Random(seed)
        self.cluster = VirtualCluster(self.random.randint(2, 5), seed=seed, consistency=consistency)
        self.offered = 0
        self.actions: list[tuple[float, Callable[[], None]]] = [
            (0.5, self.offer),
            (0.1, self.kill),
            (0.12, self.start),
            (0.06, self.pause),
            (0.08, self.partition),
            (0.04, self.cut_one_way),
            (0.1, self.cluster.heal),
        ]

    def rage(self, seconds: float) -> None:
        self.cluster.run(3.0)
        self.cluster.network.weather = Weather(lost=self.random.choice([0.0, 0.0, 0.05, 0.2]))
        weights, actions = zip(*self.actions, strict=True)
        end = self.cluster.now + seconds
        while self.cluster.now < end:
            self.cluster.run(self.random.random())
            self.random.choices(actions, weights)[0]()

    def calm(self) -> float:
        """End every fault; the seconds until there is one master and one log."""
        self.cluster.heal()
        self.cluster.network.weather = Weather(lost=0.0)
        for name in self.cluster.nodes.keys() - set(self.cluster.up):
            self.cluster.start(name)
        asleep = max(node.paused_until for node in self.cluster.nodes.values())
        self.cluster.run(max(0.0, asleep - self.cluster.now))
        began = self.cluster.now
        while len(self.cluster.masters()) != 1 or len(self.cluster.chains()) != 1:
            self.cluster.run(STEP_S)
            assert self.cluster.now - began < CONVERGED_S, self.cluster.masters()
        return self.cluster.now - began

    def offer(self) -> None:
        for _ in range(self.random.randint(1, 5) if self.cluster.up else 0):
            self.offered += 1
            self.cluster.offer(self.random.choice(self.cluster.up), fact(self.offered), waiter=self.offered)

    def kill(self) -> None:
        if len(self.cluster.up) > 1:
            self.cluster.kill(self.random.choice(self.cluster.up))

    def start(self) -> None:
        down = sorted(self.cluster.nodes.keys() - set(self.cluster.up))
        if down:
            self.cluster.start(self.random.choice(down))

    def pause(self) -> None:
        if self.cluster.up:
            self.cluster.pause(self.random.choice(self.cluster.up), 5 * self.random.random())

    def partition(self) -> None:
        names = list(self.cluster.nodes)
        self.random.shuffle(names)
        place = self.random.randint(1, len(names) - 1)
        self.cluster.partition(names[:place], names[place:])

    def cut_one_way(self) -> None:
        self.cluster.cut_one_way(*self.random.sample(list(self.cluster.nodes), 2))


def survive(seed: int, consistency: Literal["availability", "majority"] = "availability") -> None:
    storm = Storm(seed, consistency)
    storm.rage(20.0)
    storm.calm()
    cluster = storm.cluster
    cluster.run(3.0)
    assert len(cluster.chains()) == 1
    keys = history(cluster, "n0")
    assert len(keys) == len(set(keys)), "doubled"
    acknowledged = {str(waiter) for node in cluster.nodes.values() for waiter in node.acknowledged}
    assert acknowledged <= set(keys), "lost"
    for node in cluster.nodes.values():
        assert node.epochs == sorted(node.epochs)
        assert not node.log.outbox


def survive_all(seeds: range) -> None:
    for seed in seeds:
        survive(seed)


@pytest.mark.parametrize("seed", range(12))
def test_storms_in_availability(seed: int) -> None:
    survive(seed)


@pytest.mark.parametrize("seed", range(12))
def test_storms_in_majority(seed: int) -> None:
    survive(seed, "majority")


def test_the_check_sees_a_rollback_that_forgets_what_it_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(cut: list[Entry], outbox: list[Offer]) -> list[Offer]:
        del cut
        return outbox

    monkeypatch.setattr(ledger_module, "after_cut", forgetful)
    with pytest.raises(AssertionError, match="lost"):
        survive_all(range(12))


def test_the_same_seed_gives_the_same_history() -> None:
    histories: list[list[str]] = []
    for _ in range(2):
        storm = Storm(3, "availability")
        storm.rage(10.0)
        storm.calm()
        histories.append(history(storm.cluster, "n0"))
    assert histories[0] == histories[1]
    assert histories[0]


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


def test_an_acknowledgement_waits_for_a_second_disk() -> None:
    cluster = VirtualCluster(2)
    cluster.run(3.0)
    cluster.partition(["n0"], ["n1"])
    cluster.offer("n0", fact(1), waiter=1)
    cluster.run(0.5)
    assert not cluster.node("n0").acknowledged
    cluster.run(3.0)
    assert cluster.node("n0").acknowledged


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
