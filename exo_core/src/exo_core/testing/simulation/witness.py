"""Sees every write, every acknowledgement and every stop of a runner, and knows what may not be.

Nothing here is told by the protocol what it believes; all is judged from the disks. A promise that is broken raises
`Violation` at the step that broke it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import final

from exo_core.identifiers import BootId, Epoch, NodeId
from exo_core.log.chain import GENESIS, body_of, next_chain
from exo_core.log.payloads import decode_event
from exo_core.state.apply import apply
from exo_core.state.events import Entry, FactId, InstanceDeleted, InstancePlaced, InstanceWaiting, NodeDead
from exo_core.state.state import State
from exo_core.testing.simulation.disk import VirtualDisk
from exo_core.testing.simulation.held_facts import FactKey, fact_key
from exo_core.testing.simulation.safe_entries import Link, SafeEntries
from exo_core.testing.simulation.violations import Violation
from exo_core.testing.simulation.worker import Stopped
from exo_core.wire.codec import decode_model


@dataclass(frozen=True)
class Promise:
    """A fact was acknowledged: up to where the log had to be safe for that, and which disks held it."""

    key: FactKey
    payload: bytes
    index: int
    holders: tuple[VirtualDisk, ...]

    @property
    def survivors(self) -> list[VirtualDisk]:
        """Holders that were neither taken away nor damaged there."""
        return [disk for disk in self.holders if self.key in disk]


@final
class Witness:
    """Of one cluster, from its first moment on."""

    def __init__(self) -> None:
        self.promises: dict[FactKey, Promise] = {}
        self._disks: list[VirtualDisk] = []
        self._links: dict[bytes, Link] = {}
        self.safe_entries = SafeEntries(self._links)
        self._states: dict[bytes, State] = {GENESIS: State()}
        self._had: dict[bytes, set[NodeId]] = {}
        self._keys: dict[bytes, list[FactKey]] = {}
        self._epochs: dict[NodeId, Epoch] = {}
        self._reigns: dict[Epoch, tuple[NodeId, BootId]] = {}

    def watch(self, disk: VirtualDisk) -> None:
        """A disk more."""
        self._disks.append(disk)

    # writes -------------------------------------------------------------------------------------------------

    def written(self, disk: VirtualDisk, entries: Sequence[Entry]) -> None:
        """These entries are at the end of that disk's log."""
        previous = disk.chain_at(disk.length - len(entries)) or b""
        for entry in entries:
            self._check_link(disk, previous, entry)
            self._had.setdefault(entry.chain, set()).add(disk.node_id)
            previous = entry.chain

    def _check_link(self, disk: VirtualDisk, previous: bytes, entry: Entry) -> None:
        link = self._links.get(entry.chain)
        if link is None:
            right = next_chain(previous, body_of(entry.epoch, entry.event_id, entry.payload)) == entry.chain
            self._links[entry.chain] = Link(previous, entry.payload, entry.epoch)
            self._sum_up(previous, entry)
            if isinstance(entry.event_id, FactId):
                self._keys.setdefault(entry.payload, []).append(fact_key(entry.event_id))
        else:
            right = link == Link(previous, entry.payload, entry.epoch)
        if not right:
            raise Violation(promise="diverged", what=f"{entry.event_id} does not continue the log of {disk.node_id}")

    def _sum_up(self, previous: bytes, entry: Entry) -> None:
        event = decode_event(entry.payload)
        if isinstance(entry.event_id, FactId) and isinstance(event, InstancePlaced | InstanceWaiting | NodeDead):
            raise Violation(promise="doubled", what=f"a conclusion was recorded again, as a fact: {event.type}")
        before = self._states[previous]
        self._states[entry.chain] = before if event is None else apply(before, event)

    def state_at(self, chain: bytes) -> State:
        """What a log that ends so amounts to."""
        return self._states[chain]

    def summed_up(self, disk: VirtualDisk) -> None:
        """That disk has a snapshot now."""
        snapshot = disk.snapshot
        if snapshot is not None:
            self._had.setdefault(snapshot.chain, set()).add(disk.node_id)

    def cuts(self, disk: VirtualDisk, to_length: int) -> None:
        """What comes after leaves that disk's log."""
        self.safe_entries.check_cut(disk, to_length)

    def had(self, chain: bytes) -> frozenset[NodeId]:
        """Whose disks held the log that ends so, at any time."""
        return frozenset(self._had.get(chain, ()))

    # epochs -------------------------------------------------------------------------------------------------

    def lives_in(self, node_id: NodeId, epoch: Epoch) -> None:
        """That node is in that epoch after its turn."""
        before = self._epochs.get(node_id)
        if before is not epoch:
            if before is not None and epoch < before:
                raise Violation(promise="epoch went back", what=f"{node_id} was in {before} and is in {epoch}")
            self._epochs[node_id] = epoch

    def reigns(self, epoch: Epoch, disk: VirtualDisk, boot: BootId) -> None:
        """That process leads, by the log on its disk."""
        self.safe_entries.check_reign(disk, epoch)
        node_id = disk.node_id
        first = self._reigns.setdefault(epoch, (node_id, boot))
        if first != (node_id, boot):
            raise Violation(promise="two masters", what=f"{first} and {(node_id, boot)} lead in {epoch}")

    # what was promised --------------------------------------------------------------------------------------

    def safe(self, disk: VirtualDisk, index: int, needed: frozenset[NodeId], count: int) -> None:
        """A master found the log safe up to there: `count` disks of the nodes `needed` must have had it."""
        chain = disk.chain_at(index) or b""
        held = self.had(chain) & needed
        if len(held) < count:
            raise Violation(
                promise="too few disks", what=f"{disk.node_id} calls {index} safe; it is on {sorted(held)} only"
            )
        self.safe_entries.found(chain)

    def acknowledged(self, disk: VirtualDisk, payloads: Iterable[bytes], index: int) -> None:
        """One of these facts (each would do) was said to be safe, by somebody whose log is on that disk.

        A command that was sent again may be recorded twice: meant is what stands no later than `index`.
        """
        self.safe_entries.check_believed(disk, index)
        wanted, later = list(payloads), _facts_after(disk, index)
        for payload in wanted:
            for key in self._keys.get(payload, ()):
                if disk.facts.logged(key) and key not in later:
                    holders = tuple(other for other in self._disks if key in other)
                    self.promises.setdefault(key, Promise(key, payload, index, holders))
                    return
        what = " or ".join(str(decode_event(payload)) for payload in wanted)
        raise Violation(promise="unfulfilled", what=f"{disk.node_id} acknowledged what its log does not hold: {what}")

    # runners ------------------------------------------------------------------------------------------------

    def stopped(self, disk: VirtualDisk, runner: Stopped) -> None:
        """That node stopped a runner: its log must say why."""
        for entry in reversed(disk.look()):
            event = decode_event(entry.payload)
            if isinstance(event, InstanceDeleted) and event.instance_id == runner.instance_id:
                return
            if isinstance(event, InstancePlaced) and event.instance_id == runner.instance_id:
                placement = event.placement
                kept = any(shard.runner_id == runner.runner_id for shard in placement.shards)
                if placement.placement_id > runner.placement_id and not kept:
                    return
        if not _summed_up(disk, runner):
            raise Violation(promise="stopped", what=f"{disk.node_id} stopped {runner.runner_id} ({runner.reason})")


def _facts_after(disk: VirtualDisk, index: int) -> set[FactKey]:
    entries = islice(disk.look(), max(0, index + 1 - disk.first_index), None)
    return {fact_key(entry.event_id) for entry in entries if isinstance(entry.event_id, FactId)}


def _summed_up(disk: VirtualDisk, runner: Stopped) -> bool:
    """Whether the reason is older than the log's first entry."""
    if disk.snapshot is None:
        return False
    state = decode_model(State, disk.snapshot.state)
    instance = state.instances.get(runner.instance_id)
    if runner.instance_id in state.deleted:
        return True
    placement = instance.placement if instance is not None else None
    return placement is not None and placement.placement_id > runner.placement_id
