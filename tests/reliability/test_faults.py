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


@pytest.mark.parametrize("blow", ["pause_master", "part_master", "pause_worker", "pause_runner"])
def test_a_silence_or_another_master_reloads_nothing(cluster: ProcessCluster, blow: str) -> None:
    cluster.until_whole()
    before = cluster.runner_pids(), cluster.generations()
    strike(cluster, blow, streams=STREAMS)
    assert (cluster.runner_pids(), cluster.generations()) == before


def test_after_a_power_cut_the_models_are_back_unasked(cluster: ProcessCluster) -> None:
    cluster.until_whole()
    cluster.cut_power()
    cluster.start_all()
    cluster.until_whole()
    cluster.check_answers()


def test_enough_streams_came_to_their_end(cluster: ProcessCluster) -> None:
    print(cluster.tally)
    cluster.tally.check()
