"""How fast a node comes back."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from exo_core.control_plane.ledger import Ledger
from exo_core.identifiers import BootId, Epoch, InstanceId, ModelId, NodeId, Origin
from exo_core.log.sqlite_log import SqliteLog
from exo_core.placement import PlacementRequest
from exo_core.state.events import Fact, InstanceDeleted, InstanceRequested

EVENTS = 20_000
EPOCH = Epoch(term=1, master_id=NodeId("a"))
ORIGIN = Origin(node_id=NodeId("a"), boot=BootId(1))


def fact(number: int) -> Fact:
    """Instances that come and go, some of which stay."""
    name = InstanceId(f"instance-{number // 2 if number % 20 else number}")
    if number % 2:
        return InstanceDeleted(instance_id=name)
    return InstanceRequested(request=PlacementRequest(instance_id=name, model_id=ModelId("m")))


@pytest.fixture
def long_log(tmp_path: Path) -> Path:
    log = SqliteLog(tmp_path)
    ledger = Ledger(log)
    for number in range(EVENTS):
        ledger.stage_fact(EPOCH, ORIGIN, fact(number))
    ledger.commit()
    log.close()
    return tmp_path


def test_twenty_thousand_events_are_back_in_two_seconds_of_processor_time(long_log: Path) -> None:
    began = time.process_time()
    log = SqliteLog(long_log)
    ledger = Ledger(log)
    seconds = time.process_time() - began
    assert ledger.length == EVENTS
    assert len(ledger.state.instances) > 100
    log.close()
    assert seconds <= 2.0
