"""What a node still has to tell the cluster about its runners: compared with the log, never remembered as "sent".

A fact can meet a log in which its instance is not known yet (two histories were merged); it then changes nothing. So
reports are driven by the difference between what runs here and what the state says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from exo_core.identifiers import BootId, InstanceId, NodeId, RunnerId
from exo_core.state.events import Fact, NodeStarted, RunnerFailed, RunnerReady
from exo_core.state.state import RunnerRecord, State


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a runner's start ended: it serves, or `failed` says why it cannot."""

    instance_id: InstanceId
    failed: str | None = None


def missing_reports(
    state: State, node_id: NodeId, boot: BootId, outcomes: Mapping[RunnerId, Outcome], on_their_way: Sequence[Fact] = ()
) -> tuple[Fact, ...]:
    """The facts to offer: outcomes that the state does not show and that are not `on_their_way` (in the outbox).

    None while the state does not know of this boot: it would heed none of them.
    """
    member = state.members.get(node_id)
    if member is None or member.boot != boot:
        return ()
    return tuple(fact for fact in _differences(state, node_id, boot, outcomes) if fact not in on_their_way)


def missing_start(state: State, started: NodeStarted, on_their_way: Sequence[Fact]) -> tuple[Fact, ...]:
    """That this node started, once more: facts of its earlier boots may enter a merged log after those of this one."""
    member = state.members.get(started.node_id)
    if member is None or member.boot == started.boot or started in on_their_way:
        return ()
    return (started,)


def _differences(
    state: State, node_id: NodeId, boot: BootId, outcomes: Mapping[RunnerId, Outcome]
) -> Iterator[RunnerReady | RunnerFailed]:
    for runner_id, outcome in outcomes.items():
        if outcome.instance_id in state.instances and not _shown(state.runners.get(runner_id), outcome):
            yield _fact(runner_id, outcome, node_id, boot)


def _shown(record: RunnerRecord | None, outcome: Outcome) -> bool:
    return record is not None and record.ready == (outcome.failed is None)


def _fact(runner_id: RunnerId, outcome: Outcome, node_id: NodeId, boot: BootId) -> RunnerReady | RunnerFailed:
    instance_id = outcome.instance_id
    if outcome.failed is None:
        return RunnerReady(runner_id=runner_id, instance_id=instance_id, node_id=node_id, boot=boot)
    return RunnerFailed(runner_id=runner_id, instance_id=instance_id, node_id=node_id, boot=boot, detail=outcome.failed)
