"""What a master appends, and in which order."""

from __future__ import annotations

from exo_core.control_plane.commanding import Commanding
from exo_core.control_plane.extent import Extent
from exo_core.control_plane.leading import Leading
from exo_core.control_plane.ledger import Ledger
from exo_core.control_plane.waiting_answers import WaitingAnswers
from exo_core.identifiers import BootId, Epoch, NodeId, Origin
from exo_core.log.memory_log import MemoryLog
from exo_core.log.payloads import decode_event
from exo_core.state.events import ClusterCreated, ExtensionChanged, NodeJoined, NodeLeft, ReignBegan

ME = NodeId("a")
ORIGIN = Origin(node_id=ME, boot=BootId(1))
FIRST, SECOND = Epoch(term=1, master_id=ME), Epoch(term=2, master_id=ME)


def kinds(ledger: Ledger) -> list[type]:
    """Of all events in the log."""
    return [type(decode_event(entry.payload)) for entry in ledger.read(0, 100)]


def test_a_fact_does_not_overtake_a_change_of_members_that_waits_for_the_reign_to_be_safe() -> None:
    ledger = Ledger(MemoryLog())
    ledger.stage_fact(FIRST, ORIGIN, ClusterCreated(consistency="majority"))
    ledger.stage_fact(FIRST, ORIGIN, NodeJoined(node_id=ME, name="A"))
    ledger.commit()
    later = ExtensionChanged(plugin="test", key="k", value=1)
    ledger.put_in_outbox(ORIGIN, [NodeLeft(node_id=NodeId("b"), forgotten=True), later])
    leading = Leading(ledger, ME, SECOND, Extent(safe=2))
    commanding = Commanding(ledger, WaitingAnswers(ORIGIN), ORIGIN, "A")
    commanding.open_reign(leading, "majority")
    ledger.commit()
    assert kinds(ledger) == [ClusterCreated, NodeJoined, ReignBegan]
    leading.extent = Extent(safe=3)
    commanding.take_outbox()
    ledger.commit()
    assert kinds(ledger)[3:] == [NodeLeft, ExtensionChanged]
