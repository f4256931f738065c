"""Gives every node its turns: what arrived meanwhile is handled at once, and what comes of it goes its way.

A node whose process is paused has no turn until it is woken; then it handles everything that waited. A process that
died in the middle of a write is gone, and so is whatever it had in memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, final

from exo_core.control_plane.inputs import (
    Acknowledged,
    Decided,
    Input,
    MasterIs,
    Outgoing,
    Output,
    ReachableNow,
    Received,
    Tick,
)
from exo_core.control_plane.messages import Message
from exo_core.errors import LogCorrupt
from exo_core.identifiers import BootId, NodeId
from exo_core.telemetry import NodeTelemetry
from exo_core.testing.simulation.disk import ProcessDied
from exo_core.testing.simulation.network import VirtualNetwork
from exo_core.testing.simulation.node import VirtualNode
from exo_core.testing.simulation.process import VirtualProcess
from exo_core.testing.simulation.timeline import Timeline
from exo_core.testing.simulation.witness import Witness

TURN_S = 0.001
"""A turn begins this much after the first thing that it handles: what arrives meanwhile is handled with it."""


@final
class Turns:
    """`died` is told of a process that ended by itself; `decided` and `acknowledged` of what a node answered."""

    def __init__(
        self,
        *,
        timeline: Timeline,
        network: VirtualNetwork,
        nodes: dict[NodeId, VirtualNode],
        witness: Witness,
        consistency: Literal["availability", "majority"],
        died: Callable[[VirtualNode], None],
        decided: Callable[[VirtualNode, Decided], None],
        acknowledged: Callable[[VirtualNode, Acknowledged], None],
    ) -> None:
        self._timeline = timeline
        self._network = network
        self._nodes = nodes
        self._witness = witness
        self._consistency: Literal["availability", "majority"] = consistency
        self._died = died
        self._decided = decided
        self._acknowledged = acknowledged
        self._trace = hashlib.blake2b(digest_size=8)

    @property
    def trace(self) -> str:
        """A hash over every turn until now."""
        return self._trace.hexdigest()

    # what happens to a node ---------------------------------------------------------------------------------

    def begin(self, node: VirtualNode) -> None:
        """Its process has just started."""
        node.turn_at = None
        self._tick(node, node.boot)

    def give(self, node: VirtualNode, item: Input) -> None:
        """For its next turn."""
        if node.process is not None:
            node.process.inbox.append(item)
            self._wake(node)

    def take(self, node: VirtualNode, inputs: Sequence[Input]) -> list[Output]:
        """A turn right now, with these."""
        process = node.process
        if process is None:
            message = f"{node.node_id} does not run"
            raise ValueError(message)
        try:
            outputs = process.turn(inputs, node.clock(self._timeline.now))
        except ProcessDied:
            self._died(node)
            return []
        except LogCorrupt:
            process.reopen(node.clock(self._timeline.now))
            self.give(node, ReachableNow(process.reachable))
            return []
        self._note(node, process, inputs)
        self._judge(node, process)
        for output in outputs:
            self._perform(node, output)
        if process.inbox:
            self._wake(node)
        return outputs

    def reach(self, node: VirtualNode, peers: frozenset[NodeId]) -> None:
        """Whom it can reach from now on; those that are new are greeted."""
        process = node.process
        if process is None or peers == process.reachable:
            return
        new, process.reachable = peers - process.reachable, peers
        self.give(node, ReachableNow(peers))
        mine = process.gossip.newest.get(node.node_id)
        if mine is not None:
            for peer in sorted(new):
                self._send(node, peer, mine)

    def _tick(self, node: VirtualNode, boot: BootId) -> None:
        process = node.process
        if process is None or node.boot != boot:
            return
        if self._timeline.now < node.paused_until:
            self._timeline.at(node.paused_until, partial(self._tick, node, boot))
            return
        self.give(node, Tick())
        mine = process.gossip.due(node.clock(self._timeline.now))
        if mine is not None:
            for peer in sorted(process.reachable):
                self._send(node, peer, mine)
        self._timeline.after(process.participant.election.tick_s / node.rate, partial(self._tick, node, boot))

    def _wake(self, node: VirtualNode) -> None:
        if node.turn_at is None:
            node.turn_at = max(self._timeline.now + TURN_S, node.paused_until)
            self._timeline.at(node.turn_at, partial(self._turn, node, node.boot))

    def _turn(self, node: VirtualNode, boot: BootId) -> None:
        process = node.process
        if process is None or node.boot != boot:
            return
        node.turn_at = None
        if self._timeline.now < node.paused_until:
            self._wake(node)
            return
        inputs, process.inbox = process.inbox, []
        self.take(node, inputs)

    # what a node does ---------------------------------------------------------------------------------------

    def _perform(self, node: VirtualNode, output: Output) -> None:
        if node.watch is not None:
            node.watch(output)
        match output:
            case Outgoing():
                self._send(node, output.to, output.message)
            case MasterIs() if output.master_id == node.node_id:
                self._witness.reigns(output.epoch, node.log, node.boot)
            case Acknowledged():
                node.acknowledged[output.waiter] = output.index
                self._acknowledged(node, output)
            case Decided():
                node.decided.append(output)
                self._decided(node, output)
            case _:
                pass

    def _send(self, sender: VirtualNode, to: NodeId, message: Message | NodeTelemetry) -> None:
        target = self._nodes.get(to)
        if target is not None and target.process is not None:
            deliver = partial(self._arrive, sender.node_id, target, target.boot, message)
            self._network.carry(sender.node_id, to, deliver)

    def _arrive(self, sender: NodeId, node: VirtualNode, boot: BootId, message: Message | NodeTelemetry) -> None:
        process = node.process
        if process is None or node.boot != boot or sender in process.participant.state.left:
            return
        if isinstance(message, NodeTelemetry):
            process.gossip.hear(message)
        else:
            self.give(node, Received(sender, message))

    # what is checked ----------------------------------------------------------------------------------------

    def _note(self, node: VirtualNode, process: VirtualProcess, inputs: Sequence[Input]) -> None:
        kinds = ",".join(type(item).__name__ for item in inputs)
        ledger, epoch = process.participant.ledger, process.participant.election.epoch
        text = f"{self._timeline.now!r} {node.node_id} {kinds} {ledger.length} {epoch.term} {epoch.master_id}\n"
        self._trace.update(text.encode() + ledger.chain)

    def _judge(self, node: VirtualNode, process: VirtualProcess) -> None:
        participant = process.participant
        epoch = participant.election.epoch
        self._witness.lives_in(node.node_id, epoch)
        if not node.epochs or node.epochs[-1] is not epoch:
            node.epochs.append(epoch)
        leads, safe = participant.election.leads, participant.extent.safe
        if (leads or node.led) and not self._witness.safe_entries.knows(node.log, safe):
            self._judge_safe(node, process)
        self._witness.safe_entries.check_believed(node.log, safe)
        node.led = leads

    def _judge_safe(self, node: VirtualNode, process: VirtualProcess) -> None:
        participant = process.participant
        members = frozenset(participant.state.members) or frozenset({node.node_id})
        if self._consistency == "majority":
            self._witness.safe(node.log, participant.extent.safe, members, len(members) // 2 + 1)
            self._witness.safe_entries.finalize(node.log, participant.extent.safe)
        else:
            live = participant.live(node.clock(self._timeline.now)) & members
            self._witness.safe(node.log, participant.extent.safe, members, max(1, min(2, len(live))))
