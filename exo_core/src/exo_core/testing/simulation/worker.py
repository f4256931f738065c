"""The runners of a virtual node: `plan` decides about them and `missing_reports` tells of them, as in a real node."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import final

from exo_core.identifiers import BootId, InstanceId, NodeId, PlacementId, RunnerId
from exo_core.log.payloads import decode_fact
from exo_core.placement import ShardAssignment
from exo_core.state.events import Fact, Offer
from exo_core.state.plan import LocalRunner, LocalRunners, StartRunner, StopRunner, UpdateRunner, plan
from exo_core.state.reports import Outcome, missing_reports
from exo_core.state.state import State
from exo_core.telemetry import RunnerTelemetry


@dataclass
class VirtualRunner:
    """One runner process: it loads for a while, then serves, or says that it cannot."""

    assignment: ShardAssignment
    loaded_at: float
    fails: bool
    outcome: Outcome | None = None

    @property
    def as_planned(self) -> LocalRunner:
        """As `plan` sees it."""
        return LocalRunner(
            runner_id=self.assignment.shard.runner_id,
            instance_id=self.assignment.instance_id,
            placement_id=self.assignment.placement.placement_id,
        )

    @property
    def telemetry(self) -> RunnerTelemetry:
        """As others see it."""
        status = "loading" if self.outcome is None else "failed" if self.outcome.failed else "ready"
        return RunnerTelemetry(
            runner_id=self.assignment.shard.runner_id,
            instance_id=self.assignment.instance_id,
            status=status,
            placement=self.assignment.placement,
        )


@dataclass(frozen=True)
class Stopped:
    """A runner that the worker stopped, and the placement that it served."""

    runner_id: RunnerId
    instance_id: InstanceId
    placement_id: PlacementId
    reason: str


@dataclass(frozen=True)
class View:
    """What a worker sees of its node. `outbox` and `unsaved` are facts that the log does not hold yet."""

    state: State
    outbox: Sequence[Offer]
    unsaved: Sequence[Fact]
    installing: bool

    def is_as(self, other: View) -> bool:
        """Whether nothing changed: the parts are frozen, so the same objects mean the same."""
        same = self.state is other.state and self.outbox is other.outbox
        return same and self.unsaved == other.unsaved and self.installing == other.installing


@final
class VirtualWorker:
    """`draw_load` says for how long the next runner loads, and whether that fails; `stopped` is told of each stop."""

    def __init__(
        self,
        node_id: NodeId,
        boot: BootId,
        draw_load: Callable[[], tuple[float, bool]],
        stopped: Callable[[Stopped], None],
    ) -> None:
        self._node_id = node_id
        self._boot = boot
        self._draw_load = draw_load
        self._stopped = stopped
        self._seen: View | None = None
        self.runners: dict[RunnerId, VirtualRunner] = {}
        self.started = 0

    def follow(self, view: View, now: float) -> tuple[bool, Sequence[Fact]]:
        """Do what the log says now. Whether something changed here, and the facts to offer."""
        loaded = self._finish_loads(now)
        if not loaded and self._seen is not None and self._seen.is_as(view):
            return False, ()
        self._seen = view
        acted = self._carry_out(view, now)
        return loaded or acted, self._reports(view)

    def _finish_loads(self, now: float) -> bool:
        done = [runner for runner in self.runners.values() if runner.outcome is None and now >= runner.loaded_at]
        for runner in done:
            failed = "the load failed" if runner.fails else None
            runner.outcome = Outcome(instance_id=runner.assignment.instance_id, failed=failed)
        return bool(done)

    def _carry_out(self, view: View, now: float) -> bool:
        local = LocalRunners(
            node_id=self._node_id,
            boot=self._boot,
            runners={runner_id: runner.as_planned for runner_id, runner in self.runners.items()},
            outbox_empty=not view.outbox and not view.unsaved,
            installing_snapshot=view.installing,
        )
        actions = plan(view.state, local)
        for action in actions:
            match action:
                case StartRunner():
                    seconds, fails = self._draw_load()
                    self.started += 1
                    runner = VirtualRunner(action.assignment, now + seconds, fails)
                    self.runners[action.assignment.shard.runner_id] = runner
                case UpdateRunner():
                    self.runners[action.assignment.shard.runner_id].assignment = action.assignment
                case StopRunner():
                    gone = self.runners.pop(action.runner_id).as_planned
                    self._stopped(Stopped(gone.runner_id, gone.instance_id, gone.placement_id, action.reason))
        return bool(actions)

    def _reports(self, view: View) -> Sequence[Fact]:
        outcomes = dict(self._outcomes())
        missing = missing_reports(view.state, self._node_id, self._boot, outcomes, view.unsaved)
        if not missing or not view.outbox:
            return missing
        decoded = [decode_fact(offer.payload) for offer in view.outbox]
        waiting = [*view.unsaved, *(fact for fact in decoded if fact is not None)]
        return missing_reports(view.state, self._node_id, self._boot, outcomes, waiting)

    def _outcomes(self) -> Iterator[tuple[RunnerId, Outcome]]:
        for runner_id, runner in self.runners.items():
            if runner.outcome is not None:
                yield runner_id, runner.outcome
