"""What a request had placed, and nobody asks anything any more, is no longer wished: its wish says after how long."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import final

from exo_core.clock import Clock
from exo_core.errors import NoMaster
from exo_core.gateway.local_heads import LocalHeads
from exo_core.identifiers import InstanceId, NodeId, RunnerId
from exo_core.node.model_service import new_command_id
from exo_core.state.commands import Command, CommandAnswer, CommandRefused, DeleteInstance
from exo_core.state.instance_status import instance_status
from exo_core.state.state import State

logger = logging.getLogger(__name__)

LOOK_S = 1.0


@final
class IdleUnloading:
    """Looks after the heads of this node: they know when they were asked last, whoever asked."""

    def __init__(
        self,
        *,
        node_id: NodeId,
        heads: LocalHeads,
        state: Callable[[], State],
        submit: Callable[[Command], Awaitable[CommandAnswer]],
        clock: Clock,
    ) -> None:
        self._node_id = node_id
        self._heads = heads
        self._state = state
        self._submit = submit
        self._clock = clock

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._clock.sleep(LOOK_S)
            for instance_id, head, after_s in tuple(_unloadable(self._state(), self._node_id)):
                if self._heads.idle_s(head) >= after_s and self._heads.retire(head):
                    await self._unload(instance_id, head)

    async def _unload(self, instance_id: InstanceId, head: RunnerId) -> None:
        command = DeleteInstance(command_id=new_command_id(), instance_id=instance_id, is_idle=True)
        try:
            answer = await self._submit(command)
        except NoMaster as problem:
            logger.info("instance %s is idle, and stays: %s", instance_id, problem)
            self._heads.reinstate(head)
            return
        if isinstance(answer, CommandRefused):
            self._heads.reinstate(head)
        else:
            logger.info("unloaded instance %s: it was idle", instance_id)


def _unloadable(state: State, node_id: NodeId) -> Iterator[tuple[InstanceId, RunnerId, int]]:
    """The ready instances whose head is here and that may go, with their heads and the seconds that they may idle."""
    for instance_id, instance in state.instances.items():
        after_s, placement = instance.request.unload_after_s, instance.placement
        if not after_s or placement is None or placement.shards[0].node_id != node_id:
            continue
        if instance_status(state, instance_id)[0] == "ready":
            yield instance_id, placement.shards[0].runner_id, after_s
