"""What a master looks at: gathers the situation for `reconcile`, and remembers since when things are so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import final

from exo_core.control_plane.inputs import Concluded
from exo_core.control_plane.participant import Participant
from exo_core.control_plane.reconcile import PlacementRules, Situation, conclusions, joined
from exo_core.election.liveness import SILENCE_S
from exo_core.identifiers import Epoch, InstanceId, NodeId, RunnerId
from exo_core.placement import Placement, Topology
from exo_core.state.state import State
from exo_core.telemetry import NodeTelemetry

PATIENCE_S = SILENCE_S + 0.75
"""So long does a new master wait for members that it never heard, and for their reports."""
FACTS_PATIENCE_S = 30.0
"""So long may a member that started take to say what its machine can do, before models are placed without it."""


@final
class Duties:
    """One node's memory of what it saw as a master."""

    def __init__(
        self,
        *,
        node_id: NodeId,
        rules: PlacementRules,
        nodes: Mapping[NodeId, NodeTelemetry],
        measure: Callable[[], Topology],
    ) -> None:
        self._me = node_id
        self._rules = rules
        self._nodes = nodes
        self._measure = measure
        self._reign: Epoch | None = None
        self._since = 0.0
        self._dead_since: dict[NodeId, float] = {}
        self._silent_since: dict[NodeId, float] = {}
        """Since when members live without having said what their machine can do."""

    def look(self, participant: Participant, reachable: frozenset[NodeId], now: float) -> Concluded | None:
        """What is to be recorded now; None when this node does not lead, or all is as the log says."""
        if not participant.election.leads:
            self._reign = None
            return None
        epoch = participant.election.epoch
        if self._reign != epoch:
            self._reign, self._since, self._dead_since = epoch, now, {}
        situation = self._situation(participant, reachable, now)
        facts, concluded = joined(situation), conclusions(situation, self._rules)
        return Concluded(epoch, facts, concluded) if facts or concluded else None

    def _situation(self, participant: Participant, reachable: frozenset[NodeId], now: float) -> Situation:
        state, live = participant.state, participant.live(now)
        heard = participant.election.liveness.live(reachable, now) | {self._me}  # it may lead before it is a member
        self._remember_dead(state, now)
        patient = now - self._since < PATIENCE_S
        return Situation(
            state=state,
            myself=self._me,
            heard={node_id: self._name(node_id) for node_id in heard},
            live=live,
            silent=frozenset(
                node_id
                for node_id in state.members.keys() - live
                if not patient or participant.election.liveness.silence(node_id, now) is not None
            ),
            dead_for={node_id: now - since for node_id, since in self._dead_since.items()},
            topology=self._measure(),
            reported=reported_placements(self._nodes, state),
            failed=frozenset(_failed(self._nodes)),
            may_place=(not patient or all(node_id in self._nodes for node_id in live))
            and not self._waits_for_facts(state, live, now),
        )

    def _waits_for_facts(self, state: State, live: frozenset[NodeId], now: float) -> bool:
        """Whether a live member has not yet said what its machine can do, and not for too long: it may be needed."""
        silent = [node_id for node_id, member in state.members.items() if node_id in live and not member.memory_total]
        self._silent_since = {node_id: self._silent_since.get(node_id, now) for node_id in silent}
        return any(now - since < FACTS_PATIENCE_S for since in self._silent_since.values())

    def _remember_dead(self, state: State, now: float) -> None:
        dead = [node_id for node_id, member in state.members.items() if member.dead]
        self._dead_since = {node_id: self._dead_since.get(node_id, now) for node_id in dead}

    def _name(self, node_id: NodeId) -> str:
        told = self._nodes.get(node_id)
        return told.name if told is not None else node_id[:8]


def reported_placements(nodes: Mapping[NodeId, NodeTelemetry], state: State) -> dict[InstanceId, tuple[Placement, ...]]:
    """The placements that runners of wished instances say they belong to, oldest first, each once.

    Those of runners that failed, too: such a runner is there until the log says why it may go.
    """
    found: dict[InstanceId, dict[str, Placement]] = {}
    for instance_id, placement in _told(nodes):
        if instance_id in state.instances:
            found.setdefault(instance_id, {})[placement.placement_id] = placement
    return {name: tuple(placements[key] for key in sorted(placements)) for name, placements in found.items()}


def _told(nodes: Mapping[NodeId, NodeTelemetry]) -> Iterator[tuple[InstanceId, Placement]]:
    for told in nodes.values():
        for runner in told.runners:
            if runner.placement is not None and runner.status != "stopped":
                yield runner.instance_id, runner.placement


def _failed(nodes: Mapping[NodeId, NodeTelemetry]) -> Iterator[RunnerId]:
    for told in nodes.values():
        yield from (runner.runner_id for runner in told.runners if runner.status == "failed")
