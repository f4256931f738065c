"""Commands of people: from the node where one was typed to the master and back, asked again until it is answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import final

from exo_core.control_plane.inputs import Commanded, Decided, Input
from exo_core.control_plane.messages import CommandReply, NotMaster
from exo_core.identifiers import BootId, NodeId
from exo_core.log.payloads import encode_event
from exo_core.state.commands import Command, CommandAccepted, CommandAnswer
from exo_core.testing.simulation.effects import promised
from exo_core.testing.simulation.network import VirtualNetwork
from exo_core.testing.simulation.node import VirtualNode
from exo_core.testing.simulation.timeline import Timeline
from exo_core.testing.simulation.witness import Witness

PATIENCE_S = 15.0
ASK_S = 5.0
RETRY_S = 0.05
FIRST_WAITER = 1_000_000
"""Waiters of facts that tests offer are lower."""


@dataclass
class Errand:
    """`done` is told the answer at the node where the command was typed."""

    command: Command
    home: VirtualNode
    boot: BootId
    until: float
    done: Callable[[CommandAnswer], None]
    waiter: int = 0
    """Of the question that is under way."""
    over: bool = False


@final
class Errands:
    """`give` puts an input before a node. What a master accepts is shown to the witness in the moment it says so."""

    def __init__(
        self,
        timeline: Timeline,
        network: VirtualNetwork,
        nodes: Mapping[NodeId, VirtualNode],
        witness: Witness,
        give: Callable[[VirtualNode, Input], None],
    ) -> None:
        self._timeline = timeline
        self._network = network
        self._nodes = nodes
        self._witness = witness
        self._give = give
        self._asked: dict[int, Errand] = {}
        self._open: list[Errand] = []
        self._waiters = FIRST_WAITER

    @property
    def open(self) -> int:
        """Commands that are not answered yet and still may be."""
        self._open = [
            errand
            for errand in self._open
            if not errand.over and errand.home.boot == errand.boot and errand.home.process is not None
        ]
        return len(self._open)

    def send(self, command: Command, home: VirtualNode, done: Callable[[CommandAnswer], None]) -> None:
        """Somebody types a command at a node that runs."""
        errand = Errand(command, home, home.boot, self._timeline.now + PATIENCE_S, done)
        self._open.append(errand)
        self._try(errand)

    def decided(self, node: VirtualNode, decided: Decided) -> None:
        """A master answered."""
        errand = self._asked.get(decided.waiter)
        if errand is None:
            return
        if isinstance(decided.reply, CommandAccepted):
            payloads = [encode_event(fact) for fact in promised(errand.command)]
            self._witness.acknowledged(node.log, payloads, decided.reply.index)
        self._between(node, errand.home, partial(self._hear, errand, decided.waiter, decided.reply))

    def _try(self, errand: Errand) -> None:
        process = errand.home.process
        if process is None or errand.home.boot != errand.boot or self._timeline.now > errand.until:
            errand.over = True
            return
        master = self._nodes.get(process.participant.election.master_id or NodeId(""))
        if master is None:
            self._timeline.after(RETRY_S, partial(self._try, errand))
            return
        self._waiters += 1
        errand.waiter = self._waiters
        self._asked[errand.waiter] = errand
        self._between(errand.home, master, partial(self._ask, errand, master, errand.waiter))
        self._timeline.after(ASK_S, partial(self._hear, errand, errand.waiter, NotMaster(master_id=None)))

    def _ask(self, errand: Errand, master: VirtualNode, waiter: int) -> None:
        if master.process is not None:
            self._give(master, Commanded(waiter, errand.command))

    def _hear(self, errand: Errand, waiter: int, reply: CommandReply) -> None:
        if waiter != errand.waiter:
            return
        errand.waiter = 0
        if isinstance(reply, NotMaster):
            self._timeline.after(RETRY_S, partial(self._try, errand))
        elif errand.home.boot == errand.boot and errand.home.process is not None:
            errand.over = True
            errand.done(reply)

    def _between(self, sender: VirtualNode, to: VirtualNode, deliver: Callable[[], None]) -> None:
        if sender is to:
            deliver()
        else:
            self._network.carry(sender.node_id, to.node_id, deliver)
