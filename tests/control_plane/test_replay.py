"""How long a node takes to come back grows as its log does, and no faster. `just reliability` says how long it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from exo_core.control_plane.ledger import Ledger
from exo_core.identifiers import BootId, Epoch, InstanceId, ModelId, NodeId, Origin
from exo_core.log.sqlite_log import SqliteLog
from exo_core.placement import PlacementRequest
from exo_core.state.events import Fact, InstanceDeleted, InstanceRequested

FEW, MANY = 2_500, 20_000
GROWTH = 3.5
"""So many times what it would be if each event took as long as one of a few: other programs disturb both. What is
copied for each event as the log grows makes it more than that."""
EPOCH = Epoch(term=1, master_id=NodeId("a"))
ORIGIN = Origin(node_id=NodeId("a"), boot=BootId(1))


def fact(number: int) -> Fact:
    """Instances that come and go, some of which stay."""
    name = InstanceId(f"instance-{number // 2 if number % 20 else number}")
    if number % 2:
        return InstanceDeleted(instance_id=name)
    return InstanceRequested(request=PlacementRequest(instance_id=name, model_id=ModelId("m")))


@pytest.fixture
def written(tmp_path: Path) -> Callable[[int], Path]:
    """`written(100)`: a folder with a log of so many events."""

    def write(events: int) -> Path:
        folder = tmp_path / str(events)
        log = SqliteLog(folder)
        ledger = Ledger(log)
        for number in range(events):
            ledger.stage_fact(EPOCH, ORIGIN, fact(number))
        ledger.commit()
        log.close()
        return folder

    return write


def replayed(folder: Path) -> tuple[float, int, int]:
    """Seconds of the processor to open and sum it up, events, instances that stayed."""
    began = time.process_time()
    log = SqliteLog(folder)
    ledger = Ledger(log)
    seconds = time.process_time() - began
    log.close()
    return seconds, ledger.length, len(ledger.state.instances)


def test_many_events_take_as_much_longer_as_there_are_more(written: Callable[[int], Path]) -> None:
    short, long = written(FEW), written(MANY)
    few, many = (min(replayed(folder) for _ in range(3)) for folder in (short, long))
    assert (few[1], many[1]) == (FEW, MANY)
    assert many[2] > few[2] > 50
    print(f"{MANY:,} events take {many[0]:.2f} s, {FEW:,} take {few[0]:.3f} s")
    assert many[0] <= GROWTH * few[0] * MANY / FEW
