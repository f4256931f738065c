"""Commands on their way: from whoever submits one to the master, and at the master to its participant and back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from typing import final

from exo_core.clock import Clock
from exo_core.control_plane.change_counter import ChangeCounter
from exo_core.control_plane.inputs import Commanded, Decided
from exo_core.control_plane.messages import CommandReply, NotMaster
from exo_core.control_plane.topics import COMMAND_CALL
from exo_core.errors import CallFailed, LinkClosed, NoMaster
from exo_core.identifiers import NodeId
from exo_core.messaging import Messenger
from exo_core.state.commands import Command, CommandAnswer

NO_MASTER_S = 15.0
ASK_S = 5.0
RETRY_S = 0.05


@final
class CommandDesk:
    """`put` gives a command to this node's participant; `decided` brings its answer."""

    def __init__(
        self,
        *,
        messenger: Messenger,
        clock: Clock,
        changed: ChangeCounter,
        master: Callable[[], NodeId | None],
        put: Callable[[Commanded], None],
        trouble: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._messenger = messenger
        self._clock = clock
        self._changed = changed
        self._master = master
        self._put = put
        self._trouble = trouble
        self._waiters = count(1)
        self._answers: dict[int, asyncio.Future[CommandReply]] = {}

    def open(self) -> None:
        """Answer other nodes."""
        self._messenger.on_call(COMMAND_CALL, self._decide)

    def decided(self, output: Decided) -> None:
        """The participant answered; whoever waited may have given up."""
        future = self._answers.get(output.waiter)
        if future is not None and not future.done():
            future.set_result(output.reply)

    def give_up(self) -> None:
        """The participant that was asked is gone: whoever waits asks again."""
        for future in self._answers.values():
            if not future.done():
                future.set_result(NotMaster(master_id=None))

    async def submit(self, command: Command) -> CommandAnswer:
        """Ask one master after the other until one decides. Raises `NoMaster`."""
        try:
            async with asyncio.timeout(NO_MASTER_S):
                while True:
                    reply = await self._ask_master(command)
                    if not isinstance(reply, NotMaster):
                        return reply
                    await self._clock.sleep(RETRY_S)
        except TimeoutError:
            reason = f" ({trouble})" if (trouble := self._trouble()) else ""
            message = f"no master answered for {NO_MASTER_S:.0f} seconds{reason}; try again, and see `exo status`"
            raise NoMaster(message) from None

    async def _ask_master(self, command: Command) -> CommandReply:
        """One try. `NotMaster` when another is to be made."""
        master_id = self._master()
        if master_id is None:
            await self._changed.wait(self._changed.version)
            return NotMaster(master_id=None)
        try:
            return await self._messenger.ask(master_id, COMMAND_CALL, command, timeout=ASK_S)
        except (LinkClosed, CallFailed, TimeoutError):
            return NotMaster(master_id=None)

    async def _decide(self, sender: NodeId, command: Command) -> CommandReply:
        """Asked by a node, this one included."""
        del sender
        waiter = next(self._waiters)
        future = self._answers[waiter] = asyncio.get_running_loop().create_future()
        self._put(Commanded(waiter, command))
        try:
            return await future
        finally:
            self._answers.pop(waiter, None)
