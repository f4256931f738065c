"""Streams of real processes cross each kind of fault, and every token comes exactly once.

That each fault falls between the second and the last token of each stream is asserted from the times of the tokens.
The long version is `just reliability`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exo_core.testing.reliability.blows import strike

if TYPE_CHECKING:
    from exo_core.testing.reliability.process_cluster import ProcessCluster

pytestmark = pytest.mark.timeout(600)
STREAMS = 3
"""One for each instance: none of them waits for another before the blow."""


@pytest.mark.parametrize("blow", ["pause_master", "part_master"])
def test_a_silence_or_another_master_reloads_nothing(cluster: ProcessCluster, blow: str) -> None:
    cluster.until_whole()
    before = cluster.runner_pids(), cluster.generations()
    strike(cluster, blow, streams=STREAMS)
    assert (cluster.runner_pids(), cluster.generations()) == before


@pytest.mark.parametrize("blow", ["kill_master", "kill_worker", "kill_runner", "silence_worker"])
def test_who_was_not_hit_goes_on_as_if_nothing_had_happened(cluster: ProcessCluster, blow: str) -> None:
    cluster.until_whole()
    before = cluster.generations()
    scene = strike(cluster, blow, streams=STREAMS)
    spared = cluster.generations(without=[scene.master if blow == "kill_master" else scene.worker])
    assert spared
    assert spared == {name: before[name] for name in spared}


@pytest.mark.parametrize("blow", ["kill_master_and_runner", "storm"])
def test_several_at_once_and_again_and_again(cluster: ProcessCluster, blow: str) -> None:
    crossed = cluster.tally.streams
    strike(cluster, blow, streams=STREAMS, turn=1)
    assert cluster.tally.streams > crossed


def test_a_rolling_restart_of_all(cluster: ProcessCluster) -> None:
    crossed = cluster.tally.streams
    for node in cluster.nodes:
        cluster.until_whole()
        gateway = cluster.others(node)[0]
        with cluster.crossing(f"restart of {node.name}", gateways=[gateway], streams=2) as faults:
            faults.happen()
            node.stop()
            node.start()
    cluster.until_whole()
    assert cluster.tally.streams == crossed + 2 * len(cluster.nodes)


def test_after_a_power_cut_the_models_are_back_unasked(cluster: ProcessCluster) -> None:
    cluster.until_whole()
    cluster.cut_power()
    cluster.start_all()
    cluster.until_whole()
    cluster.check_answers()


def test_enough_streams_came_to_their_end(cluster: ProcessCluster) -> None:
    print(cluster.tally)
    cluster.tally.check()
