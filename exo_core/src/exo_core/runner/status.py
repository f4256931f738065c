"""How a runner is, as its supervisor has heard, and the same as telemetry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, final

from exo_core.backends import LoadProgress
from exo_core.placement import ShardAssignment
from exo_core.telemetry import RunnerTelemetry

RunnerStatus = Literal["starting", "loading", "warming_up", "ready", "failed", "stopped"]


@final
class RunnerState:
    """Changes are told to `on_change`."""

    def __init__(self, assignment: ShardAssignment, on_change: Callable[[], None]) -> None:
        self.assignment = assignment
        self.status: RunnerStatus = "starting"
        self.tickets: tuple[str, ...] = ()
        self.pid = 0
        self._on_change = on_change
        self._detail = ""
        self._remark = ""
        self._done = 0
        self._total = 0
        self._generation: tuple[str, int, int] | None = None

    @property
    def has_failed(self) -> bool:
        """Whether it is given up."""
        return self.status == "failed"

    def change(self, status: RunnerStatus, detail: str = "") -> None:
        """It is so now."""
        self.status = status
        self._detail = detail
        self._done = self._total = 0
        self._on_change()

    def loading(self, progress: LoadProgress) -> None:
        """The load moved."""
        self.status, self._detail = progress.phase, ""
        self._done, self._total = progress.done, progress.total
        self._on_change()

    def remarked(self, remark: str) -> None:
        """Its engine says so of itself."""
        self._remark = remark
        self._on_change()

    def started(self, start: int) -> None:
        """A process was given its start number."""
        self._remark = ""
        self._generation = (self.assignment.placement.placement_id, start, 0)

    def ready(self, run: int) -> None:
        """It answers, over its `run`-th ring."""
        if self._generation is not None:
            self._generation = (*self._generation[:2], run)
        self.change("ready")

    def telemetry(self, *, busy: bool) -> RunnerTelemetry:
        """For `/state` and the other nodes."""
        return RunnerTelemetry(
            runner_id=self.assignment.shard.runner_id,
            instance_id=self.assignment.instance_id,
            status="busy" if busy and self.status == "ready" else self.status,
            detail=self._detail or (self._remark if self.status == "ready" else ""),
            done=self._done,
            total=self._total,
            generation=self._generation,
            tickets=self.tickets,
            pid=self.pid,
            placement=self.assignment.placement,
        )
