"""Several participants on a virtual clock and a virtual network: deterministic, without a single real second.

    cluster = VirtualCluster(3, seed=7)
    cluster.run(3.0)
    cluster.partition({"n0"}, {"n1", "n2"})
    cluster.kill("n2"); cluster.run(2.0); cluster.start("n2")
    cluster.heal()

The very modules that the driver runs. Messages take a few milliseconds, more or less by the seed; a message over a cut
link is lost; the two ends of a cut learn of it only by silence, those of a killed node at once.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, final

from exo_core.control_plane.inputs import (
    Acknowledged,
    Concluded,
    Decided,
    Input,
    Leaves,
    Offered,
    Outgoing,
    Output,
    ReachableNow,
    Received,
    Tick,
)
from exo_core.control_plane.messages import Message
from exo_core.control_plane.participant import Participant
from exo_core.control_plane.retention import Retention
from exo_core.election.standing import Myself
from exo_core.event_logs import EventLog
from exo_core.identifiers import BootId, Epoch, NodeId
from exo_core.log.memory_log import MemoryLog
from exo_core.state.events import Fact, NodeJoined
from exo_core.testing.seeded_rng import SeededRng


@dataclass
class VirtualNode:
    """One machine: its disk outlives its process."""

    node_id: NodeId
    log: EventLog
    creator: bool
    boot: BootId
    participant: Participant | None = None
    paused_until: float = 0.0
    epochs: list[Epoch] = field(default_factory=list[Epoch])
    acknowledged: dict[int, int] = field(default_factory=dict[int, int])
    decided: list[Decided] = field(default_factory=list[Decided])
    watch: Callable[[Output], None] | None = None


@dataclass(order=True)
class _Delivery:
    at: float
    number: int
    to: NodeId = field(compare=False)
    boot: BootId = field(compare=False)
    input: Input = field(compare=False)


@final
class VirtualCluster:
    """`size` nodes named n0 …; n0 founds the cluster. All are started."""

    def __init__(
        self,
        size: int,
        *,
        seed: int = 0,
        consistency: Literal["availability", "majority"] = "availability",
        retention: Retention = Retention(),  # noqa: B008 - frozen
    ) -> None:
        self.now = 0.0
        self.random = random.Random(seed)  # noqa: S311  repeatable on purpose
        self._consistency: Literal["availability", "majority"] = consistency
        self._retention = retention
        self._cut: set[tuple[NodeId, NodeId]] = set()
        self._queue: list[_Delivery] = []
        self._numbers = 0
        self.drop = 0.0
        """The share of messages that is lost."""
        names = [NodeId(f"n{number}") for number in range(size)]
        self.nodes = {name: VirtualNode(name, MemoryLog(), name == names[0], BootId(0)) for name in names}
        for name in names:
            self.start(name)

    # faults -------------------------------------------------------------------------------------------------

    def start(self, name: str) -> None:
        """Start a node's process: a new boot on the same disk."""
        node = self.nodes[NodeId(name)]
        node.boot = BootId(node.boot + 1)
        seed = self.random.getrandbits(32)
        node.participant = Participant(
            myself=Myself(node_id=node.node_id, boot=node.boot),
            name=name,
            log=node.log,
            rng=SeededRng(seed),
            now=self.now,
            creator=node.creator,
            consistency=self._consistency,
            retention=self._retention,
        )
        self._give(node, Tick())
        self._tell_reachable()

    def kill(self, name: str) -> None:
        """`kill -9`: the process is gone, its connections break."""
        self.nodes[NodeId(name)].participant = None
        self._tell_reachable()

    def stop(self, name: str) -> None:
        """The process ends in order: it says farewell."""
        self.step(name, [Leaves()])
        self.kill(name)

    def pause(self, name: str, seconds: float) -> None:
        """SIGSTOP: it neither hears nor says anything for a while, and its connections stay."""
        self.nodes[NodeId(name)].paused_until = self.now + seconds

    def partition(self, one: Iterable[str], other: Iterable[str]) -> None:
        """Nothing passes between these two groups, either way."""
        for a in one:
            for b in other:
                self._cut |= {(NodeId(a), NodeId(b)), (NodeId(b), NodeId(a))}

    def cut_one_way(self, sender: str, receiver: str) -> None:
        """What one says does not reach the other."""
        self._cut.add((NodeId(sender), NodeId(receiver)))

    def heal(self) -> None:
        """Every link works again."""
        self._cut.clear()

    # time ---------------------------------------------------------------------------------------------------

    def run(self, seconds: float) -> None:
        """Let time pass."""
        until = self.now + seconds
        while self._queue and self._queue[0].at <= until:
            delivery = heapq.heappop(self._queue)
            self.now = delivery.at
            self._deliver(delivery)
        self.now = until

    def run_and_watch(self, name: str, seconds: float) -> list[Output]:
        """Let time pass; all that a node put out meanwhile."""
        node, heard = self.nodes[NodeId(name)], list[Output]()
        node.watch = heard.append
        self.run(seconds)
        node.watch = None
        return heard

    def run_until_one_master(self, among: Collection[str], limit: float = 10.0) -> float:
        """Run until these nodes follow one of them; the seconds that took. Raises `TimeoutError`."""
        started = self.now
        while self.now - started < limit:
            self.run(0.05)
            masters = {self.present(name).election.master_id for name in among}
            if len(masters) == 1 and (master := masters.pop()) in among and self.present(str(master)).election.leads:
                return self.now - started
        message = f"no master after {limit} s: { {name: self.present(name).election.role for name in among} }"
        raise TimeoutError(message)

    def step(self, name: str, inputs: Sequence[Input]) -> list[Output]:
        """Let a node handle something right now."""
        node = self.nodes[NodeId(name)]
        outputs = self.present(name).handle(inputs, self.now)
        for output in outputs:
            self._perform(node, output)
        return outputs

    def offer(self, name: str, fact: Fact, waiter: int = 0) -> None:
        """A node observed a fact."""
        self.step(name, [Offered(waiter, fact)])

    # what can be seen -----------------------------------------------------------------------------------------

    def node(self, name: str) -> VirtualNode:
        """A machine by its name."""
        return self.nodes[NodeId(name)]

    def present(self, name: str) -> Participant:
        """The running participant of a node."""
        participant = self.nodes[NodeId(name)].participant
        if participant is None:
            message = f"{name} does not run"
            raise ValueError(message)
        return participant

    @property
    def up(self) -> list[str]:
        """Nodes that run."""
        return [str(name) for name, node in self.nodes.items() if node.participant is not None]

    def masters(self) -> list[str]:
        """Nodes that believe they lead."""
        return [name for name in self.up if self.present(name).election.leads]

    def chains(self) -> set[bytes]:
        """The ends of all running nodes' logs: one when they agree."""
        return {self.present(name).ledger.chain for name in self.up}

    # the machinery --------------------------------------------------------------------------------------------

    def _deliver(self, delivery: _Delivery) -> None:
        node = self.nodes[delivery.to]
        if node.participant is None or node.boot != delivery.boot:
            return
        if self.now < node.paused_until:
            delivery.at = node.paused_until
            heapq.heappush(self._queue, delivery)
            return
        self.step(str(node.node_id), [delivery.input])
        if isinstance(delivery.input, Tick):
            self._duties(node)
            self._give(node, Tick(), self.present(str(node.node_id)).election.tick_s)

    def _duties(self, node: VirtualNode) -> None:
        """The master's duty that every other depends on: to record who is a member."""
        participant = self.present(str(node.node_id))
        known = {*participant.state.members, *participant.state.left}
        new = [name for name in self._reachable_from(node.node_id) if name not in known]
        if participant.election.leads and new:
            facts = tuple(NodeJoined(node_id=name, name=str(name)) for name in new)
            self.step(str(node.node_id), [Concluded(participant.election.epoch, facts, ())])

    def _perform(self, node: VirtualNode, output: Output) -> None:
        if node.watch is not None:
            node.watch(output)
        if isinstance(output, Outgoing):
            self._send(node.node_id, output.to, output.message)
        elif isinstance(output, Acknowledged):
            node.acknowledged[output.waiter] = output.index
        elif isinstance(output, Decided):
            node.decided.append(output)
        epoch = self.present(str(node.node_id)).election.epoch
        if not node.epochs or node.epochs[-1] != epoch:
            node.epochs.append(epoch)

    def _send(self, sender: NodeId, to: NodeId, message: Message) -> None:
        target = self.nodes.get(to)
        if target is None or target.participant is None or (sender, to) in self._cut:
            return
        if self.random.random() >= self.drop:
            self._give(target, Received(sender, message), 0.002 + 0.008 * self.random.random())

    def _give(self, node: VirtualNode, item: Input, after: float = 0.0) -> None:
        self._numbers += 1
        heapq.heappush(self._queue, _Delivery(self.now + after, self._numbers, node.node_id, node.boot, item))

    def _tell_reachable(self) -> None:
        for node in self.nodes.values():
            if node.participant is not None:
                self._give(node, ReachableNow(self._reachable_from(node.node_id)), 0.001)

    def _reachable_from(self, name: NodeId) -> frozenset[NodeId]:
        return frozenset(other for other, node in self.nodes.items() if node.participant is not None and other != name)
