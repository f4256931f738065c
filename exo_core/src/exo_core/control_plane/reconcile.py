"""What a master makes of what it sees: members to record, nodes that died or came back, places for instances. Pure.

| it sees                                                    | it concludes                                           |
|------------------------------------------------------------|--------------------------------------------------------|
| a reachable node that is no member and never left          | the fact `NodeJoined`                                  |
| a member silent too long; a dead member that is heard      | `NodeDead`; `NodeAlive`                                |
| an instance without a place, or waiting                    | `InstancePlaced` if it fits, else `InstanceWaiting`    |
| an instance one of whose nodes left, or is dead for 10 s   | the same; its other shards stay where they are         |
| runners of a newer placement than the log has              | `InstancePlaced`, as the runners have it if they serve |
| the same, but they cannot serve, and nothing else fits     | the same, so that the log knows of them; then waiting  |

Everything is judged from the state alone each time, so the same pass also repairs whatever an earlier master left.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from exo_core.control_plane.inputs import Conclusion, Place
from exo_core.identifiers import InstanceId, NodeId, RunnerId
from exo_core.placement import DoesNotFit, Placement, PlacementRequest, Topology
from exo_core.state.events import Fact, InstanceWaiting, NodeAlive, NodeDead, NodeJoined
from exo_core.state.state import Instance, State

RETURN_S = 10.0
"""How long an instance waits for a node that died before it is placed anew."""


class PlacementRules(Protocol):
    """Where instances go; `Plugins` is one."""

    def place_instance(self, request: PlacementRequest, topology: Topology, state: State) -> Placement | DoesNotFit:
        """Decide."""
        ...

    def reject_placement(self, placement: Placement, topology: Topology, state: State) -> Sequence[str]:
        """Reasons against a decision."""
        ...


@dataclass(frozen=True, kw_only=True)
class Situation:
    """All that a master sees at one moment.

    `heard` maps nodes in reach that gave a sign of life to their names: who only can be reached may still be starting,
    and would be taken for dead as soon as it is a member. `dead_for` says for how many seconds each dead member has
    been seen dead by this master. `reported` are the placements that runners say they belong to, oldest first, and
    `failed` those of the runners that cannot load. `may_place` is False while members that live have not yet told what
    they have.
    """

    state: State
    myself: NodeId
    heard: Mapping[NodeId, str]
    live: frozenset[NodeId]
    silent: frozenset[NodeId]
    dead_for: Mapping[NodeId, float]
    topology: Topology
    reported: Mapping[InstanceId, tuple[Placement, ...]] = field(
        default_factory=dict[InstanceId, tuple[Placement, ...]]
    )
    failed: frozenset[RunnerId] = frozenset()
    may_place: bool = True


def joined(situation: Situation) -> tuple[Fact, ...]:
    """The members to record."""
    state = situation.state
    return tuple(
        NodeJoined(node_id=node_id, name=name)
        for node_id, name in sorted(situation.heard.items())
        if node_id not in state.members and node_id not in state.left
    )


def conclusions(situation: Situation, rules: PlacementRules) -> tuple[Conclusion, ...]:
    """Everything to be recorded now; nothing when all is as the log says."""
    placed = _instances(situation, rules) if situation.may_place else ()
    return (*_deaths(situation), *placed)


def _deaths(situation: Situation) -> Iterator[Conclusion]:
    for node_id, member in situation.state.members.items():
        if member.dead and node_id in situation.live:
            yield NodeAlive(node_id=node_id)
        elif not member.dead and node_id in situation.silent and node_id not in situation.live:
            yield NodeDead(node_id=node_id)


def _instances(situation: Situation, rules: PlacementRules) -> Iterator[Conclusion]:
    """One new place at a time: the next pass sees the memory that it takes."""
    for instance_id, instance in situation.state.instances.items():
        reported = situation.reported.get(instance_id, ())
        if not _needs_place(situation, instance, reported):
            continue
        outcome = _adopted(situation, instance, reported) or _decided(situation, instance.request, rules)
        if isinstance(outcome, DoesNotFit):
            outcome = _unknown(instance, reported) or outcome
        if isinstance(outcome, Placement):
            earlier = (*reported, *([instance.placement] if instance.placement else []))
            yield Place(instance_id, outcome, tuple(_without(situation.failed, placement) for placement in earlier))
            return
        if not _said_already(instance, outcome.reason):
            yield InstanceWaiting(instance_id=instance_id, reason=outcome.reason)


def _needs_place(situation: Situation, instance: Instance, reported: Sequence[Placement]) -> bool:
    placement = instance.placement
    if placement is None or instance.waiting is not None:
        return True
    return _unknown(instance, reported) is not None or any(
        _lost(situation, shard.node_id) for shard in placement.shards
    )


def _unknown(instance: Instance, reported: Sequence[Placement]) -> Placement | None:
    """The newest placement that runners are of, if the log has lost it: they stop only for one that is newer still."""
    newest = reported[-1] if reported else None
    if newest is None or instance.placement is None or newest.placement_id > instance.placement.placement_id:
        return newest
    return None


def _lost(situation: Situation, node_id: NodeId) -> bool:
    """A node that left, or that was dead for so long that its return is not waited for any more."""
    member = situation.state.members.get(node_id)
    if member is None:
        return True
    return member.dead and node_id not in situation.live and situation.dead_for.get(node_id, 0.0) >= RETURN_S


def _adopted(situation: Situation, instance: Instance, reported: Sequence[Placement]) -> Placement | None:
    """A placement that exists already, whole and alive: what the runners report, the newest first, else the log's."""
    candidates = [*reversed(reported), *([instance.placement] if instance.placement else [])]
    usable = situation.live & situation.state.members.keys()  # a master that leaves lives, and its shards go with it
    return next((item for item in candidates if _serves(item, usable, situation.failed)), None)


def _serves(placement: Placement, usable: Collection[NodeId], failed: Collection[RunnerId]) -> bool:
    return all(shard.node_id in usable and shard.runner_id not in failed for shard in placement.shards)


def _without(failed: Collection[RunnerId], placement: Placement) -> Placement:
    """A runner that failed is not kept: its shard is loaded anew."""
    shards = tuple(shard for shard in placement.shards if shard.runner_id not in failed)
    return placement.model_copy(update={"shards": shards})


def _decided(situation: Situation, request: PlacementRequest, rules: PlacementRules) -> Placement | DoesNotFit:
    outcome = rules.place_instance(request, situation.topology, situation.state)
    if isinstance(outcome, Placement):
        reasons = rules.reject_placement(outcome, situation.topology, situation.state)
        return DoesNotFit(reason="; ".join(reasons)) if reasons else outcome
    return outcome


def _said_already(instance: Instance, reason: str) -> bool:
    """Free memory changes all the time; other numbers alone are not worth an entry in the log."""
    return instance.waiting is not None and _without_numbers(instance.waiting) == _without_numbers(reason)


def _without_numbers(text: str) -> str:
    return re.sub(r"[\d.]+ (GB|MB|kB|bytes)", "#", text)
