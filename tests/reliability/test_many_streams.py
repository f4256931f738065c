"""The long proof: five nodes, every kind of blow, more than a hundred streams; `just prove-reliability`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exo_core.testing.reliability.blows import BLOWS, strike
from exo_core.testing.reliability.process_cluster import ProcessCluster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
STREAMS = 5
NEEDED = 100


@pytest.fixture(scope="module")
def five(
    tmp_path_factory: pytest.TempPathFactory, make_cluster: Callable[[Path, int], ProcessCluster]
) -> Iterator[ProcessCluster]:
    """Five nodes and five instances."""
    with make_cluster(tmp_path_factory.mktemp("five"), 5).running() as made:
        yield made


@pytest.mark.parametrize(("turn", "blow"), list(enumerate(BLOWS)))
def test_a_blow(five: ProcessCluster, turn: int, blow: str) -> None:
    crossed = five.tally.streams
    strike(five, blow, streams=STREAMS, turn=turn)
    assert five.tally.streams > crossed
    print(blow, five.tally)


def test_a_rolling_restart_of_all(five: ProcessCluster) -> None:
    crossed = five.tally.streams
    for node in five.nodes:
        five.until_whole()
        with five.crossing(f"restart of {node.name}", gateways=[five.others(node)[-1]], streams=STREAMS) as faults:
            faults.happen()
            node.stop()
            node.start()
    five.until_whole()
    assert five.tally.streams == crossed + STREAMS * len(five.nodes)


def test_after_a_power_cut_the_models_are_back_unasked(five: ProcessCluster) -> None:
    five.until_whole()
    five.cut_power()
    five.start_all()
    five.until_whole()
    five.check_answers()


def test_of_more_than_a_hundred_streams_enough_came_to_their_end(five: ProcessCluster) -> None:
    print(five.tally, *five.tally.errors, sep="\n")
    assert five.tally.streams >= NEEDED
    five.tally.check()
