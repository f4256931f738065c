"""From a model's name to an instance that can answer: find one, or have it placed and wait for it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

from exo_core.errors import RequestRefused
from exo_core.gateway.standstill import LONGEST_STANDSTILL_S, LOOK_S, Standstill
from exo_core.identifiers import Epoch, InstanceId, ModelId, NodeId, RunnerId
from exo_core.placement import Shard
from exo_core.requests import Progress
from exo_core.state.instance_status import instance_status
from exo_core.state.instance_view import instances_of, ready_instances
from exo_core.state.state import State
from exo_core.telemetry import RunnerTelemetry, Telemetry, draining_nodes

LoadingPhase = Literal["placing", "downloading", "loading", "warming_up"]
_PHASES: dict[str, LoadingPhase] = {
    "downloading": "downloading",
    "loading": "loading",
    "warming_up": "warming_up",
    "ready": "warming_up",
}


@dataclass(frozen=True, kw_only=True)
class InstanceFinder:
    """How to see what is placed, and how to have something placed.

    `node_id` is who looks. `ensure` makes the cluster wish an instance of a model (one idempotent command); it raises
    `RequestRefused`. `changes` yields at once and after every change of state or telemetry.
    """

    node_id: NodeId
    state: Callable[[], State]
    telemetry: Callable[[], Telemetry]
    epoch: Callable[[], Epoch]
    changes: Callable[[], AsyncGenerator[None]]
    ensure: Callable[[ModelId], Awaitable[InstanceId]]

    def is_wished(self, instance_id: InstanceId) -> bool:
        """Whether nobody removed that instance."""
        return instance_id in self.state().instances

    def ready(self, model_id: ModelId) -> dict[InstanceId, Shard]:
        """The instances that can answer now, each with its head. One on another machine that drains takes no more."""
        telemetry = self.telemetry()
        leaving = draining_nodes(telemetry) - {self.node_id}
        found = ready_instances(self.state(), telemetry, model_id)
        return {name: shards[0] for name, shards in found if leaving.isdisjoint(shard.node_id for shard in shards)}

    async def wait_until_ready(
        self, model_id: ModelId, standstill: Standstill, *, is_replay: bool = False
    ) -> AsyncGenerator[Progress]:
        """Yield progress until an instance can answer. Raises `RequestRefused` with what stands in the way.

        A replay places nothing (whoever removed the instance meant it), and hopes to the last for a machine that comes
        back, for it has more to lose.
        """
        if self.ready(model_id):
            return
        if not is_replay and not instances_of(self.state(), model_id):
            yield Progress(phase="placing", done=0, total=0)
            await self._place(model_id, standstill)
        async for progress in self._progress_until_ready(model_id, standstill, is_replay=is_replay):
            yield progress

    async def _place(self, model_id: ModelId, standstill: Standstill) -> None:
        try:
            async with asyncio.timeout_at(standstill.deadline):
                await self.ensure(model_id)
        except TimeoutError:
            raise _load_stalled(model_id) from None

    async def _progress_until_ready(
        self, model_id: ModelId, standstill: Standstill, *, is_replay: bool
    ) -> AsyncGenerator[Progress]:
        last: Progress | None = None
        while not self.ready(model_id):
            is_over = asyncio.get_running_loop().time() >= standstill.deadline
            refuse_if_hopeless(self.state(), model_id, may_find_room=is_replay and not is_over)
            if is_over:
                raise _load_stalled(model_id)
            progress = loading_progress(self.state(), self.telemetry(), model_id)
            if progress != last:
                if last is not None:
                    standstill.moved(asyncio.get_running_loop().time())
                last = progress
                yield progress
            await self._next_change(standstill)

    async def _next_change(self, standstill: Standstill) -> None:
        """Wait for something to change, a second at most; for how long this node itself slept is forgiven."""
        loop = asyncio.get_running_loop()
        until = min(loop.time() + LOOK_S, standstill.deadline)
        async with aclosing(self.changes()) as changes:
            await anext(changes)  # what holds now, and was looked at
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await anext(changes)
        standstill.forgive(max(0.0, loop.time() - until))


def _load_stalled(model_id: ModelId) -> RequestRefused:
    message = f"loading {model_id} has not moved for {LONGEST_STANDSTILL_S:.0f} s. See: exo logs"
    return RequestRefused(504, "load_stalled", message)


def refuse_if_hopeless(state: State, model_id: ModelId, *, may_find_room: bool = False) -> None:
    """Raise `RequestRefused` when every instance of the model failed, waits for room, or was removed.

    `may_find_room`: those that wait for room are not given up. One that waits for a machine to come back is no such
    case: soon it is back, or placed anew, or recorded as waiting.
    """
    names = instances_of(state, model_id)
    statuses = {name: instance_status(state, name) for name in names}
    if not names:
        raise RequestRefused(503, "instance_removed", f"the instance of {model_id} was removed while it loaded")
    if all(
        status == "failed" or (state.instances[name].waiting and not may_find_room)
        for name, (status, _) in statuses.items()
    ):
        status, detail = statuses[names[0]]
        code = "load_failed" if status == "failed" else "does_not_fit"
        raise RequestRefused(503, code, f"{model_id}: {detail}")


def loading_progress(state: State, telemetry: Telemetry, model_id: ModelId) -> Progress:
    """How far the runners of a model's instances have come, together; the phase is the slowest one's."""
    wanted = set(instances_of(state, model_id))
    runners: dict[RunnerId, RunnerTelemetry] = {
        runner.runner_id: runner
        for node in telemetry.nodes.values()
        for runner in node.runners
        if runner.instance_id in wanted
    }
    phases: list[LoadingPhase] = [_PHASES.get(runner.status, "placing") for runner in runners.values()]
    order: tuple[LoadingPhase, ...] = ("placing", "downloading", "loading", "warming_up")
    return Progress(
        phase=min(phases, key=order.index) if phases else "placing",
        done=sum(runner.done for runner in runners.values()),
        total=sum(runner.total for runner in runners.values()),
    )
