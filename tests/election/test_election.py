"""Elections of one to five nodes on a virtual clock: who leads, how fast, and who never does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exo_core.election.election import Election
from exo_core.election.liveness import SILENCE_S, Liveness
from exo_core.election.messages import Ballot, BallotAnswer, Heard, Heartbeat, LogMark
from exo_core.election.standing import MasterChanged, Myself, Send, Standing
from exo_core.identifiers import NO_EPOCH, BootId, Epoch, NodeId
from exo_core.log.memory_log import MemoryLog
from exo_core.testing.seeded_rng import SeededRng
from exo_core.testing.simulation.cluster import VirtualCluster

A, B, C = NodeId("a"), NodeId("b"), NodeId("c")
MARK = LogMark(length=0, chain=bytes(32), last_epoch=NO_EPOCH, settled=0, safe=0)


def settled(size: int, seed: int = 0) -> VirtualCluster:
    """A cluster whose members all know each other."""
    cluster = VirtualCluster(size, seed=seed)
    cluster.run(3.0)
    assert cluster.masters() == ["n0"]
    return cluster


def in_one_epoch(cluster: VirtualCluster) -> bool:
    first, *others = [cluster.present(name).election.epoch for name in cluster.up]
    return all(epoch == first for epoch in others)


def test_a_node_alone_leads_within_a_tenth_of_a_second() -> None:
    assert VirtualCluster(1).run_until_one_master(["n0"]) <= 0.1


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_a_new_cluster_agrees_on_its_founder(size: int) -> None:
    cluster = settled(size)
    assert all(cluster.present(name).election.master_id == "n0" for name in cluster.up)
    assert in_one_epoch(cluster)


@pytest.mark.parametrize("size", [2, 3, 4, 5])
@pytest.mark.parametrize("seed", range(5))
def test_a_killed_master_is_replaced_within_a_second_by_the_highest(size: int, seed: int) -> None:
    cluster = settled(size, seed)
    cluster.kill("n0")
    assert cluster.run_until_one_master(cluster.up) <= 1.0
    assert cluster.masters() == [f"n{size - 1}"]


@pytest.mark.parametrize("seed", range(5))
def test_a_silent_master_is_replaced_and_follows_when_it_wakes(seed: int) -> None:
    cluster = settled(3, seed)
    cluster.pause("n0", 4.0)
    assert cluster.run_until_one_master(["n1", "n2"]) <= 2.5
    (successor,) = [name for name in cluster.masters() if name != "n0"]
    cluster.run(6.0)
    assert cluster.masters() == [successor]
    assert in_one_epoch(cluster)


def test_a_master_that_says_goodbye_is_replaced_at_once() -> None:
    cluster = settled(3)
    cluster.stop("n0")
    assert cluster.run_until_one_master(cluster.up) <= 0.3


def test_a_returning_node_with_a_higher_rank_does_not_unseat_the_master() -> None:
    cluster = settled(3)
    cluster.kill("n2")
    cluster.run(3.0)
    epoch = cluster.present("n0").election.epoch
    cluster.start("n2")
    cluster.run(5.0)
    assert cluster.masters() == ["n0"]
    assert cluster.present("n0").election.epoch == epoch


def test_priority_comes_before_the_name() -> None:
    cluster = settled(3)
    cluster.present("n1").priority = 5
    cluster.run(1.0)
    cluster.kill("n0")
    cluster.run_until_one_master(cluster.up)
    assert cluster.masters() == ["n1"]


def test_of_two_masters_the_one_with_more_followers_goes_on() -> None:
    cluster = settled(5)
    cluster.partition(["n0", "n1"], ["n2", "n3", "n4"])
    cluster.run(4.0)
    assert len(cluster.masters()) == 2
    cluster.heal()
    assert cluster.run_until_one_master(cluster.up) <= 5.0
    assert cluster.masters() == ["n4"]


def test_a_larger_side_with_a_lower_epoch_outbids() -> None:
    cluster = settled(4)
    cluster.partition(["n3"], ["n0", "n1", "n2"])
    cluster.run(4.0)
    lonely = cluster.present("n3").election.epoch
    assert lonely > cluster.present("n0").election.epoch
    cluster.heal()
    cluster.run_until_one_master(cluster.up)
    assert cluster.masters() == ["n0"]
    assert cluster.present("n0").election.epoch > lonely


def test_a_one_way_cut_does_not_unseat_a_master_that_others_hear() -> None:
    cluster = settled(3)
    cluster.cut_one_way("n0", "n2")
    cluster.run(10.0)
    assert cluster.masters() == ["n0"]


def test_in_majority_a_minority_has_no_master() -> None:
    cluster = VirtualCluster(3, consistency="majority")
    cluster.run(3.0)
    cluster.partition(["n0"], ["n1", "n2"])
    cluster.run(5.0)
    assert len(cluster.masters()) == 1
    assert cluster.masters() != ["n0"]
    cluster.kill(cluster.masters()[0])
    cluster.run(5.0)
    assert cluster.masters() == []


def test_epochs_are_durable_and_never_go_back_over_restarts() -> None:
    cluster = settled(3)
    for _ in range(4):
        master = cluster.masters()[0]
        cluster.kill(master)
        cluster.run_until_one_master(cluster.up)
        cluster.start(master)
        cluster.run(2.0)
    for node in cluster.nodes.values():
        assert node.epochs == sorted(node.epochs)
        assert node.log.epoch == cluster.present(cluster.masters()[0]).election.epoch


# one election, message by message ---------------------------------------------------------------------------


def standing(*members: NodeId) -> Standing:
    return Standing(
        members=frozenset({A, *members}),
        peers=frozenset(members),
        consistency="availability",
        priority=0,
        mark=MARK,
        reducers="",
        may_lead=True,
    )


def heartbeat(epoch: Epoch, *, leads: bool, followers: int = 1) -> Heartbeat:
    return Heartbeat(
        boot=BootId(1),
        epoch=epoch,
        leads=leads,
        follows=False,
        followers=followers,
        priority=0,
        mark=MARK,
        reducers="",
    )


def election(store: MemoryLog | None = None) -> Election:
    return Election(Myself(node_id=A, boot=BootId(1)), store or MemoryLog(), SeededRng(0), 0.0)


def test_a_follower_refuses_a_candidate_while_it_hears_its_master() -> None:
    one, view = election(), replace(standing(B, C), may_lead=False)
    one.receive(B, heartbeat(Epoch(term=1, master_id=B), leads=True), 0.0, view)
    ballot = Ballot(phase="pre", epoch=Epoch(term=2, master_id=C), priority=0, mark=MARK)
    (answer,) = one.receive(C, ballot, 0.5, view)
    assert isinstance(answer, Send)
    assert isinstance(answer.message, BallotAnswer)
    assert not answer.message.granted
    for step in range(10, 80):
        one.tick(step * 0.05, view)
    one.receive(C, heartbeat(NO_EPOCH, leads=False), 4.0, view)
    (later,) = one.receive(C, ballot, 4.0, view)
    assert isinstance(later, Send)
    assert isinstance(later.message, BallotAnswer)
    assert later.message.granted


def test_in_majority_a_node_that_lost_a_part_of_its_log_gives_nobody_its_word() -> None:
    """What it lost may be final, and the candidate may not have it."""
    ballot = Ballot(phase="pre", epoch=Epoch(term=2, master_id=C), priority=0, mark=MARK)
    damaged = replace(standing(B, C), may_lead=False, is_whole=False, consistency="majority")
    for view, granted in ((damaged, False), (replace(damaged, is_whole=True), True)):
        (answer,) = election().receive(C, ballot, 0.5, view)
        assert isinstance(answer, Send)
        assert isinstance(answer.message, BallotAnswer)
        assert answer.message.granted == granted


def test_a_master_of_an_older_reign_is_fenced() -> None:
    store = MemoryLog()
    store.set_epoch(Epoch(term=5, master_id=B))
    one = election(store)
    (answer,) = one.receive(C, heartbeat(Epoch(term=4, master_id=C), leads=True), 0.0, standing(B, C))
    assert isinstance(answer, Send)
    assert answer.message.kind == "fenced"
    assert one.master_id is None


def test_the_term_is_durable_before_it_is_announced() -> None:
    store = MemoryLog()
    one = election(store)
    actions = one.tick(0.0, standing())
    assert actions == [MasterChanged(A, Epoch(term=1, master_id=A))]
    assert store.epoch == Epoch(term=1, master_id=A)


def test_a_node_without_the_log_never_stands() -> None:
    one = election()
    view = Standing(
        members=frozenset(),
        peers=frozenset({B}),
        consistency="availability",
        priority=9,
        mark=MARK,
        reducers="",
        may_lead=False,
    )
    for step in range(200):
        for action in one.tick(step * 0.05, view):
            assert isinstance(action, Send)
            assert isinstance(action.message, Heartbeat)


# who is alive -------------------------------------------------------------------------------------------------


def test_silence_kills_and_a_closed_connection_kills_sooner() -> None:
    liveness = Liveness(0.0)
    liveness.heard(B, 0.0)
    liveness.heard(C, 0.0)
    assert liveness.is_live(B, SILENCE_S - 0.01)
    assert not liveness.is_live(B, SILENCE_S)
    liveness.closed(C, 0.5)
    assert liveness.is_live(C, 0.7)
    assert not liveness.is_live(C, 0.8)
    liveness.heard(C, 0.85)
    assert liveness.is_live(C, 0.9)


def test_old_news_from_others_keeps_nobody_alive() -> None:
    liveness = Liveness(0.0)
    liveness.learn([Heard(node_id=B, age_ms=1000), Heard(node_id=A, age_ms=0)], 0.0, A)
    assert liveness.is_live(B, 0.2)
    assert not liveness.is_live(B, 0.3)
    assert not liveness.is_live(A, 0.0)
    liveness.gone(B)
    liveness.learn([Heard(node_id=B, age_ms=0)], 1.0, A)
    assert not liveness.is_live(B, 1.0)


def test_a_node_that_lags_is_slower_to_accuse() -> None:
    liveness = Liveness(0.0)
    liveness.tick(3.0, 0.05)
    assert liveness.factor == 4.0
    liveness.heard(B, 3.0)
    assert liveness.is_live(B, 3.0 + 3 * SILENCE_S)
    for step in range(250):
        liveness.tick(3.0 + (step + 1) * 0.05, 0.05)
    assert liveness.factor == 1.0
