"""Supervised echo runners in real processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from exo_core.identifiers import Epoch, ModelId, NodeId
from exo_core.identity.authority import CLUSTER_SUFFIX, Authority
from exo_core.identity.leaf import certify_runner
from exo_core.identity.node_key import NodeKey
from exo_core.plugins.manager import Plugins
from exo_core.runner.components import chosen_components
from exo_core.runner.messages import CachesTake, Neighbour
from exo_core.runner.order import RunnerOrder
from exo_core.runner.patience import Patience
from exo_core.runner.supervisor import RunnerHooks, RunnerSupervisor
from exo_core.testing import echo_plugin
from exo_core.testing.assignments import even_assignments
from exo_core.testing.echo_backend import EchoBackend
from exo_core.testing.echo_model import EchoConfig, write_echo_model
from exo_transport_tcp import plugin as tcp_plugin


@dataclass
class Workshop:
    """Makes supervisors and waits for what becomes of them."""

    folder: Path
    plugins: Plugins
    tasks: asyncio.TaskGroup
    transports: tuple[str, ...] = ()
    listen: str | None = None
    epoch: Epoch = field(default_factory=lambda: Epoch(term=5, master_id=NodeId("m")))
    node_key: NodeKey = field(default_factory=NodeKey.generate)
    authority: Authority = field(default_factory=lambda: Authority.from_seed(b"\7" * 32, f"test{CLUSTER_SUFFIX}"))
    starts: Callable[[], int] = field(default_factory=lambda: count(1).__next__)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    supervisors: list[RunnerSupervisor] = field(default_factory=list[RunnerSupervisor])
    history: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    """(runner, status, detail), at every change."""
    caches: list[CachesTake] = field(default_factory=list[CachesTake])
    """What runners said of their caches."""

    told: tuple[tuple[str, ...], ...] = ()
    """The tickets as the stages last heard of them."""

    def introduce(self) -> None:
        """Tell every stage its neighbours, as their nodes do whenever a runner's tickets change."""
        tickets = tuple(supervisor.tickets for supervisor in self.supervisors)
        if tickets == self.told or not all(tickets) or len(tickets) < self.supervisors[0].assignment.shard.stages:
            return
        self.told = tickets
        around = [
            Neighbour(node_id=self.node_key.node_id, runner_id=supervisor.runner_id, tickets=supervisor.tickets)
            for supervisor in self.supervisors
        ]
        for at, supervisor in enumerate(self.supervisors):
            following = around[(at + 1) % len(around)]
            supervisor.set_neighbours(previous=around[at - 1], following=following, epoch=self.epoch)

    def supervise(
        self,
        config: EchoConfig | None = None,
        *,
        stages: int = 1,
        stage: int = 0,
        patience: Patience = Patience(),  # noqa: B008 - frozen
    ) -> RunnerSupervisor:
        model = write_echo_model(self.folder / "model", config)
        card = EchoBackend().describe(ModelId("echo"), model)
        nodes = (self.node_key.node_id,)
        assignment = even_assignments(card, stages, backend="echo", nodes=nodes)[stage]
        order = RunnerOrder(
            assignment=assignment,
            components=chosen_components(self.plugins, backend="echo", transports=self.transports),
            folder=model,
            log=self.folder / f"runner-{stage}.log",
            listen=self.listen,
            threads=1,
            patience=patience,
        )
        hooks = RunnerHooks(
            certify=lambda runner_id, key: certify_runner(self.authority, self.node_key, runner_id, key),
            next_start=self.starts,
            epoch=lambda: self.epoch,
            on_change=self._note,
            on_caches=self._note_caches,
        )
        supervisor = RunnerSupervisor(order, hooks)
        self.supervisors.append(supervisor)
        self.tasks.create_task(supervisor.run())
        return supervisor

    async def until(self, condition: Callable[[], bool], *, timeout: float = 30) -> None:
        """Wait for a change of any runner after which the condition holds."""
        async with asyncio.timeout(timeout), self.changed:
            await self.changed.wait_for(condition)

    def _note(self) -> None:
        if self.transports:
            self.introduce()
        for supervisor in self.supervisors:
            telemetry = supervisor.telemetry
            entry = (telemetry.runner_id, telemetry.status, telemetry.detail)
            if entry not in self.history[-len(self.supervisors) :]:
                self.history.append(entry)
        self.tasks.create_task(self._notify())

    def _note_caches(self, taken: CachesTake) -> None:
        self.caches.append(taken)
        self._note()

    async def _notify(self) -> None:
        async with self.changed:
            self.changed.notify_all()


@pytest.fixture
async def workshop(tmp_path: Path) -> AsyncGenerator[Workshop]:
    """Supervisors that are stopped at the end, each with its process."""
    plugins = Plugins(built_in={"echo": echo_plugin, "tcp": tcp_plugin}, points=())
    async with asyncio.TaskGroup() as tasks:
        workshop = Workshop(folder=tmp_path, plugins=plugins, tasks=tasks)
        yield workshop
        for supervisor in workshop.supervisors:
            await supervisor.stop()
