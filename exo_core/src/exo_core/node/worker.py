"""This node's runners, kept as the log says: `plan` decides, the worker carries it out and reports what came of it."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import final

from exo_core.gateway.local_heads import Head
from exo_core.identifiers import BootId, Epoch, NodeId, RunnerId
from exo_core.identity.leaf import RunnerCertificate
from exo_core.node.cache_promises import CachePromises, with_promise
from exo_core.node.local_shard import LocalShard
from exo_core.node.neighbours import neighbours_of
from exo_core.node.shard_files import ShardFiles
from exo_core.plugins.manager import Plugins
from exo_core.runner.components import chosen_components
from exo_core.runner.messages import CachesTake, Neighbours
from exo_core.runner.order import RunnerOrder
from exo_core.runner.supervisor import RunnerHooks, RunnerSupervisor
from exo_core.state.events import Fact
from exo_core.state.plan import Action, LocalRunners, StartRunner, StopRunner, UpdateRunner, plan
from exo_core.state.reports import missing_reports
from exo_core.state.state import State
from exo_core.task_scope import TaskScope
from exo_core.telemetry import RunnerTelemetry, Telemetry
from exo_core.transports import Peer

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class WorkerContext:
    """What a worker sees of its node.

    `on_their_way` are facts of this node that the log does not hold yet; `offer_soon` adds one, durably.
    `is_installing`: a snapshot is about to replace what the log says. `transports` are those that runners may use, in
    order of preference.
    """

    node_id: NodeId
    boot: BootId
    plugins: Plugins
    files: ShardFiles
    promises: CachePromises
    transports: tuple[str, ...]
    data_listen: str
    logs: Path
    certify: Callable[[RunnerId, bytes], RunnerCertificate]
    next_start: Callable[[], int]
    state: Callable[[], State]
    telemetry: Callable[[], Telemetry]
    epoch: Callable[[], Epoch]
    on_their_way: Callable[[], Sequence[Fact]]
    is_installing: Callable[[], bool]
    changes: Callable[[], AsyncGenerator[None]]
    offer_soon: Callable[[Fact], None]
    changed: Callable[[], None]
    relay: Callable[[RunnerId, Peer, bytes], None]


@final
class Worker:
    """Belongs to the node's event loop."""

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._shards: dict[RunnerId, LocalShard] = {}
        self._told: dict[RunnerId, Neighbours] = {}
        self._running: dict[RunnerId, asyncio.Task[None] | None] = {}
        self._tasks = TaskScope()

    @property
    def telemetry(self) -> tuple[RunnerTelemetry, ...]:
        """How each runner is now."""
        return tuple(shard.telemetry for shard in self._shards.values())

    def find_head(self, runner_id: RunnerId) -> Head | None:
        """A runner of this node by its id."""
        shard = self._shards.get(runner_id)
        return shard.supervisor if shard is not None else None

    def signal(self, runner_id: RunnerId, sender: Peer, message: bytes) -> None:
        """Pass another party's signal on to a runner of this node; lost when there is none such."""
        shard = self._shards.get(runner_id)
        if shard is not None and shard.supervisor is not None:
            shard.supervisor.signal(sender, message)

    def resize_caches(self, runner_id: RunnerId, kv_bytes: int) -> None:
        """A runner's caches may take so many bytes, also after its next start. Promised by `CachePromises`."""
        shard = self._shards.get(runner_id)
        if shard is not None and shard.supervisor is not None:
            shard.assignment = shard.assignment.model_copy(update={"kv_bytes": kv_bytes})
            shard.supervisor.resize_caches(kv_bytes)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Keep runners as the log says while the context is open; leaving ends them all."""
        async with self._tasks:
            following = self._tasks.start(self._follow_changes(), "worker")
            try:
                yield
            finally:
                if following is not None:
                    following.cancel()
                await asyncio.gather(*(self._stop(shard) for shard in self._shards.values()))

    async def _follow_changes(self) -> None:
        async with aclosing(self._context.changes()) as changes:
            async for _ in changes:
                try:
                    self._carry_out()
                    self._tell_neighbours()
                    self._report()
                except Exception:
                    logger.exception("runners could not be brought to what the log says; the next change tries again")

    # what the log wants --------------------------------------------------------------------------------------------

    def _carry_out(self) -> None:
        context = self._context
        local = LocalRunners(
            node_id=context.node_id,
            boot=context.boot,
            runners={runner_id: shard.as_planned for runner_id, shard in self._shards.items()},
            outbox_empty=not context.on_their_way(),
            installing_snapshot=context.is_installing(),
        )
        for action in plan(context.state(), local):
            self._act(action)

    def _act(self, action: Action) -> None:
        match action:
            case StartRunner():
                shard = LocalShard(
                    action.assignment,
                    action.manifest,
                    changed=self._context.changed,
                    observe=self._context.plugins.observe,
                )
                self._shards[shard.runner_id] = shard
                self._running[shard.runner_id] = self._tasks.start(self._run(shard), f"runner {shard.runner_id}")
            case UpdateRunner():
                self._update(self._shards[action.assignment.shard.runner_id], action)
            case StopRunner():
                logger.info("stopping runner %s: %s", action.runner_id, action.reason)
                self._tasks.start(self._stop(self._shards.pop(action.runner_id)), f"stopping {action.runner_id}")

    async def _run(self, shard: LocalShard) -> None:
        await shard.run(self._context.files, self._make_supervisor)

    def _update(self, shard: LocalShard, action: UpdateRunner) -> None:
        shard.assignment = with_promise(action.assignment, shard.assignment)  # the runner keeps weights and caches
        if shard.supervisor is not None:
            shard.supervisor.update(shard.assignment)

    async def _stop(self, shard: LocalShard) -> None:
        self._told.pop(shard.runner_id, None)
        running = self._running.pop(shard.runner_id)
        if shard.supervisor is not None:
            await shard.supervisor.stop()
        elif running is not None:
            running.cancel()  # it is still fetching, or waits for memory
        self._context.promises.take_back(shard.runner_id)

    async def _make_supervisor(self, shard: LocalShard, folder: Path) -> RunnerSupervisor:
        promised = await self._context.promises.fulfilled(shard.assignment)
        shard.assignment = with_promise(shard.assignment, promised)  # it may be newer by now
        return RunnerSupervisor(self._order(shard, folder), self._hooks(shard))

    def _order(self, shard: LocalShard, folder: Path) -> RunnerOrder:
        context = self._context
        placement = shard.assignment.placement
        transports = context.transports if len(placement.shards) > 1 else ()  # a whole model has no neighbours
        return RunnerOrder(
            assignment=shard.assignment,
            components=chosen_components(context.plugins, backend=placement.backend, transports=transports),
            folder=folder,
            log=context.logs / f"runner-{shard.runner_id}.log",
            listen=context.data_listen,
            threads=_threads_each(len(self._shards)),
        )

    def _hooks(self, shard: LocalShard) -> RunnerHooks:
        context = self._context
        return RunnerHooks(
            certify=context.certify,
            next_start=context.next_start,
            epoch=context.epoch,
            on_change=context.changed,
            on_ready=shard.ready,
            on_failed=partial(self._failed, shard),
            on_caches=partial(self._caches_take, shard),
            relay=partial(context.relay, shard.runner_id),
        )

    def _caches_take(self, shard: LocalShard, taken: CachesTake) -> None:
        self._context.promises.caches_take(shard.runner_id, taken.kv_bytes, can_change=taken.can_change)

    def _failed(self, shard: LocalShard, detail: str) -> None:
        self._context.promises.take_back(shard.runner_id)
        shard.failed(detail)

    # what the runners must hear, and the cluster -------------------------------------------------------------------

    def _tell_neighbours(self) -> None:
        telemetry, epoch = self._context.telemetry(), self._context.epoch()
        for shard in self._shards.values():
            neighbours = neighbours_of(shard.assignment, telemetry, epoch)
            if (
                shard.supervisor is not None
                and neighbours is not None
                and neighbours != self._told.get(shard.runner_id)
            ):
                self._told[shard.runner_id] = neighbours
                shard.supervisor.set_neighbours(
                    previous=neighbours.previous, following=neighbours.following, epoch=neighbours.epoch
                )

    def _report(self) -> None:
        context = self._context
        outcomes = {runner_id: shard.outcome for runner_id, shard in self._shards.items() if shard.outcome is not None}
        waiting = context.on_their_way()
        for fact in missing_reports(context.state(), context.node_id, context.boot, outcomes, waiting):
            context.offer_soon(fact)


def _threads_each(runners: int) -> int | None:
    """Threads for a CPU backend when several runners share this machine; None: as many as it likes."""
    return None if runners == 1 else max(1, (os.cpu_count() or 1) // runners)
