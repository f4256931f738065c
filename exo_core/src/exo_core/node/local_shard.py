"""One shard of this node, from the first byte of its model on this disk to the end of its runner."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import final

from exo_core.errors import ModelError
from exo_core.identifiers import RunnerId
from exo_core.manifests import Manifest
from exo_core.node.shard_files import ShardFiles
from exo_core.observations import Observation, Observe
from exo_core.placement import ShardAssignment
from exo_core.runner.supervisor import RunnerSupervisor
from exo_core.sources import FetchProgress
from exo_core.state.plan import LocalRunner
from exo_core.state.reports import Outcome
from exo_core.telemetry import RunnerTelemetry

MakeSupervisor = Callable[["LocalShard", Path], Awaitable[RunnerSupervisor]]
"""May wait for memory. Raises `ModelError` when there is not enough."""


@final
class LocalShard:
    """Fetches what is missing, then supervises a runner. `outcome` is None until the runner is ready or failed."""

    def __init__(
        self, assignment: ShardAssignment, manifest: Manifest, *, changed: Callable[[], None], observe: Observe
    ) -> None:
        self.assignment = assignment
        self.manifest = manifest
        self.outcome: Outcome | None = None
        self.supervisor: RunnerSupervisor | None = None
        self._changed = changed
        self._observe = observe
        self._fetching = RunnerTelemetry(
            runner_id=assignment.shard.runner_id, instance_id=assignment.instance_id, status="starting"
        )

    @property
    def runner_id(self) -> RunnerId:
        """Names the runner, and with it the shard."""
        return self.assignment.shard.runner_id

    @property
    def telemetry(self) -> RunnerTelemetry:
        """How it is now."""
        return self.supervisor.telemetry if self.supervisor is not None else self._fetching

    @property
    def as_planned(self) -> LocalRunner:
        """What `plan` must know of it."""
        return LocalRunner(
            runner_id=self.runner_id,
            instance_id=self.assignment.instance_id,
            placement_id=self.assignment.placement.placement_id,
        )

    async def run(self, files: ShardFiles, make_supervisor: MakeSupervisor) -> None:
        """Until the runner is stopped or failed for good."""
        try:
            folder = await files.folder_for(self.assignment, self.manifest, self._came)
            self.supervisor = await make_supervisor(self, folder)
        except ModelError as problem:
            self.failed(str(problem))
            return
        await self.supervisor.run()

    def ready(self) -> None:
        """The runner serves."""
        self.outcome = Outcome(instance_id=self.assignment.instance_id)
        self._observe(Observation(kind="runner_ready", subject=self.runner_id))
        self._changed()

    def failed(self, detail: str) -> None:
        """The shard cannot be served here."""
        self._fetching = self._fetching.model_copy(update={"status": "failed", "detail": detail})
        self.outcome = Outcome(instance_id=self.assignment.instance_id, failed=detail)
        self._observe(Observation(kind="runner_failed", subject=self.runner_id, detail=detail))
        self._changed()

    def _came(self, step: FetchProgress) -> None:
        self._fetching = self._fetching.model_copy(
            update={"status": "downloading", "done": step.done, "total": step.total}
        )
        self._changed()
