"""What the witness holds a master and a disk to: nothing final is missing, cut, or replaced by a snapshot."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from exo_core.event_logs import Snapshot
from exo_core.identifiers import BootId, Epoch, NodeId, Origin
from exo_core.log.chain import GENESIS, make_entry
from exo_core.log.payloads import encode_event
from exo_core.state.events import Entry, ExtensionChanged, FactId
from exo_core.state.state import State
from exo_core.testing.simulation.disk import VirtualDisk
from exo_core.testing.simulation.violations import Violation
from exo_core.testing.simulation.witness import Witness
from exo_core.wire.codec import encode_model

OLD, LATE, PRESENT = (Epoch(term=term, master_id=NodeId(f"n{term}")) for term in (1, 2, 3))
ORIGIN = Origin(node_id=NodeId("n0"), boot=BootId(1))


def log_of(*epochs: Epoch) -> Sequence[Entry]:
    """An entry of each of these epochs."""
    entries: list[Entry] = []
    for number, epoch in enumerate(epochs, 1):
        payload = encode_event(ExtensionChanged(plugin="test", key=str(number), value=number))
        previous = entries[-1].chain if entries else GENESIS
        entries.append(make_entry(previous, epoch, FactId(origin=ORIGIN, seq=number), payload))
    return entries


def disk_with(witness: Witness, entries: Sequence[Entry], name: str) -> VirtualDisk:
    disk = VirtualDisk(NodeId(name), witness)
    witness.watch(disk)
    disk.append(entries, expected_length=0)
    return disk


def snapshot(index: int, chain: bytes) -> Snapshot:
    return Snapshot(index=index, chain=chain, last_epoch=OLD, state=encode_model(State()), last_seqs=((ORIGIN, index),))


def test_a_master_has_what_was_final_before_its_epoch_and_need_not_have_what_came_later() -> None:
    """It may learn that it was elected when the next master has been at work already."""
    witness, entries = Witness(), log_of(OLD, OLD, PRESENT)
    whole = disk_with(witness, entries, "n0")
    late, short = disk_with(witness, entries[:2], "n1"), disk_with(witness, entries[:1], "n2")
    witness.safe_entries.finalize(whole, 3)
    witness.safe_entries.finalize(whole, 2)  # the old master finds so later than the present one
    witness.reigns(LATE, late, BootId(1))
    witness.reigns(PRESENT, late, BootId(1))
    with pytest.raises(Violation, match="entry 2 was final"):
        witness.reigns(LATE.model_copy(update={"master_id": NodeId("x")}), short, BootId(1))
    with pytest.raises(Violation, match="entry 3 was final"):
        witness.reigns(Epoch(term=4, master_id=NodeId("n1")), late, BootId(1))


def test_a_snapshot_may_not_take_the_place_of_final_entries() -> None:
    witness, entries = Witness(), log_of(OLD, OLD, OLD)
    disk = disk_with(witness, entries, "n0")
    witness.safe_entries.finalize(disk, 3)
    disk.install_snapshot(snapshot(2, entries[1].chain))
    assert disk.length == 3, "the third goes on from it"
    with pytest.raises(Violation, match="entry 2 was final; n0 cuts it off"):
        disk.install_snapshot(snapshot(1, entries[0].chain))
