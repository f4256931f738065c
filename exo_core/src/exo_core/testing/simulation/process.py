"""One boot of a virtual node: everything that the driver does in a turn, on virtual time and without a task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, final

from exo_core.clock import Rng
from exo_core.control_plane.calm_turns import is_calm
from exo_core.control_plane.duties import Duties
from exo_core.control_plane.inputs import CutTo, Input, Installed, MasterIs, Offered, Output
from exo_core.control_plane.ledger import Applied
from exo_core.control_plane.participant import Participant
from exo_core.control_plane.reconcile import PlacementRules
from exo_core.control_plane.retention import Retention
from exo_core.election.standing import Myself
from exo_core.identifiers import BootId, NodeId
from exo_core.log.payloads import decode_fact
from exo_core.placement import Topology
from exo_core.placement_rules.topology import topology_of
from exo_core.state.events import Fact, NodeFactsGathered, NodeStarted
from exo_core.state.reports import missing_start
from exo_core.telemetry import NodeTelemetry, Telemetry
from exo_core.testing.simulation.disk import VirtualDisk
from exo_core.testing.simulation.gossip import Gossip
from exo_core.testing.simulation.worker import Stopped, View, VirtualWorker

LOOK_S = 0.25
WRONG = "wrong"
"""The slice of a state that should not be there."""
_NEWS = (Applied, CutTo, Installed, MasterIs)


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a process finds on its machine. `memory`: bytes for models."""

    node_id: NodeId
    boot: BootId
    log: VirtualDisk
    creator: bool
    consistency: Literal["availability", "majority"]
    retention: Retention
    memory: int
    priority: int
    rules: PlacementRules
    rng: Rng
    draw_load: Callable[[], tuple[float, bool]]
    stopped: Callable[[Stopped], None]


@final
class VirtualProcess:
    """`inbox` collects what happens until the next turn. All times are those of the machine's own clock."""

    def __init__(self, machine: Machine, now: float) -> None:
        self._machine = machine
        self.node_id = machine.node_id
        self.boot = machine.boot
        self.participant = self._participate(now)
        self.worker = VirtualWorker(machine.node_id, machine.boot, machine.draw_load, machine.stopped)
        self.gossip = Gossip(self._measure)
        self.reachable: frozenset[NodeId] = frozenset()
        self._started = NodeStarted(node_id=machine.node_id, boot=machine.boot, name=machine.node_id, version="")
        self.inbox: list[Input] = [_unwaited(self._started), _unwaited(_gathered(machine))]
        self._now = now
        self._look_at = now
        self._duties = Duties(
            node_id=machine.node_id, rules=machine.rules, nodes=self.gossip.newest, measure=self._topology
        )

    def reopen(self, now: float) -> None:
        """A row turned out bad: the log is opened again, and this process begins anew with what it held."""
        self.participant = self._participate(now, self.participant)

    def go_wrong(self) -> None:
        """What this process holds for the state silently differs from now on, as after a flipped bit in memory."""
        sums = self.participant.ledger._sum  # pyright: ignore[reportPrivateUsage]  nothing but a fault gets there
        wrong = {**sums.state.extensions, WRONG: {"bit": f"{self._machine.node_id} {self.boot}"}}  # like no other node
        sums.state = sums.state.model_copy(update={"extensions": wrong})

    def _participate(self, now: float, earlier: Participant | None = None) -> Participant:
        machine = self._machine
        participant = Participant(
            myself=Myself(node_id=machine.node_id, boot=machine.boot),
            name=machine.node_id,
            log=machine.log.open(),
            rng=machine.rng,
            now=now,
            creator=machine.creator,
            consistency=machine.consistency,
            retention=machine.retention,
            earlier=earlier,
        )
        participant.priority = machine.priority
        return participant

    def turn(self, inputs: Sequence[Input], now: float) -> list[Output]:
        """Handle these at once; what follows from them here goes to the inbox, the rest is for the cluster."""
        self._now = now
        participant = self.participant
        outputs = participant.handle(inputs, now, calm=is_calm(participant, inputs))
        if now >= self._look_at or any(
            isinstance(output, Applied | CutTo | Installed | MasterIs) for output in outputs
        ):
            self._look_at = now + LOOK_S
            concluded = self._duties.look(participant, self.reachable, now)
            if concluded is not None:
                self.inbox.append(concluded)
            self.inbox.extend(map(_unwaited, missing_start(participant.state, self._started, self._on_their_way())))
        changed, facts = self.worker.follow(self._view(), now)
        if changed:
            self.gossip.poke()
        self.inbox.extend(map(_unwaited, facts))
        return outputs

    def _view(self) -> View:
        participant = self.participant
        outbox = participant.ledger.outbox
        return View(participant.state, outbox, participant.unsaved, participant.is_installing)

    def _on_their_way(self) -> Sequence[Fact]:
        decoded = [decode_fact(offer.payload) for offer in self.participant.ledger.outbox]
        return [*(fact for fact in decoded if fact is not None), *self.participant.unsaved]

    def _topology(self) -> Topology:
        participant = self.participant
        return topology_of(participant.state, Telemetry(nodes=self.gossip.newest), participant.live(self._now))

    def _measure(self, sequence: int) -> NodeTelemetry:
        machine, participant = self._machine, self.participant
        return NodeTelemetry(
            node_id=machine.node_id,
            boot=machine.boot,
            sequence=sequence,
            version="",
            name=machine.node_id,
            memory_total=machine.memory,
            memory_free=machine.memory,
            memory_for_models=machine.memory,
            log_length=participant.ledger.length,
            settled=participant.extent.settled,
            runners=tuple(runner.telemetry for runner in self.worker.runners.values()),
        )


def _gathered(machine: Machine) -> NodeFactsGathered:
    return NodeFactsGathered(
        node_id=machine.node_id,
        memory_total=machine.memory,
        backends=("echo",),
        transports=("memory",),
        facts={},
    )


def _unwaited(fact: Fact) -> Offered:
    return Offered(0, fact)
