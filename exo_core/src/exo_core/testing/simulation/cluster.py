"""Several nodes on a virtual clock and a virtual network: deterministic, without a single real second.

    cluster = VirtualCluster(3, seed=7)
    cluster.run(3.0)
    cluster.partition({"n0"}, {"n1", "n2"})
    cluster.kill("n2"); cluster.run(2.0); cluster.start("n2")
    cluster.heal()

Messages take a few milliseconds, more or less by the seed; a message over a cut line is lost; the two ends of a cut
learn of it by silence, those of a killed node at once. `witness` raises `Violation` as soon as a promise is broken.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from typing import Literal, final

from exo_core.control_plane.inputs import Acknowledged, Decided, Input, Leaves, LossAccepted, Offered, Output
from exo_core.control_plane.participant import Participant
from exo_core.control_plane.retention import Retention
from exo_core.identifiers import BootId, NodeId
from exo_core.log.payloads import encode_event
from exo_core.state.commands import Command, CommandAnswer
from exo_core.state.events import Fact
from exo_core.testing.seeded_rng import SeededRng
from exo_core.testing.simulation.default_rules import DefaultRules
from exo_core.testing.simulation.disk import VirtualDisk
from exo_core.testing.simulation.errands import Errands
from exo_core.testing.simulation.network import VirtualNetwork
from exo_core.testing.simulation.node import VirtualNode
from exo_core.testing.simulation.process import Machine, VirtualProcess
from exo_core.testing.simulation.timeline import Timeline
from exo_core.testing.simulation.turns import Turns
from exo_core.testing.simulation.witness import Witness

LOOK_AROUND_S = 0.5
"""How often transports find out which lines are lost and which nodes left."""
MEMORY = 12_000_000


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
        self._seed = seed
        self.consistency: Literal["availability", "majority"] = consistency
        self._retention = retention
        self._timeline = Timeline()
        self._loads = self._chance("loads")
        self._offered: dict[int, bytes] = {}
        self._rules = DefaultRules()
        self.load_fails = 0.0
        """The share of loads that fail."""
        self.started_runners = 0
        self.network = VirtualNetwork(self._timeline, self._chance("network"))
        self.witness = Witness()
        self.nodes: dict[NodeId, VirtualNode] = {}
        self._turns = Turns(
            timeline=self._timeline,
            network=self.network,
            nodes=self.nodes,
            witness=self.witness,
            consistency=consistency,
            died=self._on_death,
            decided=self._on_decided,
            acknowledged=self._on_acknowledged,
        )
        self._errands = Errands(self._timeline, self.network, self.nodes, self.witness, self._turns.give)
        for number in range(size):
            self.add(f"n{number}", creator=number == 0)
        self._look_around()

    # faults -------------------------------------------------------------------------------------------------

    def add(
        self, name: str, *, creator: bool = False, memory: int = MEMORY, rate: float = 1.0, priority: int = 0
    ) -> None:
        """A machine more, started."""
        node_id = NodeId(name)
        disk = VirtualDisk(node_id, self.witness)
        self.witness.watch(disk)
        self.nodes[node_id] = VirtualNode(node_id, disk, creator, memory, priority, rate)
        self.start(name)

    def start(self, name: str) -> None:
        """Start a node's process: a new boot on the same disk."""
        node = self.node(name)
        node.boot = BootId(node.boot + 1)
        node.led, node.paused_until = False, 0.0
        node.process = VirtualProcess(self._machine(node), node.clock(self.now))
        self._turns.begin(node)
        self._tell_reachable()

    def kill(self, name: str) -> None:
        """`kill -9`: the process is gone, its connections break."""
        self.node(name).process = None
        self._tell_reachable()

    def stop(self, name: str) -> None:
        """The process ends in order: it says farewell."""
        self.step(name, [Leaves()])
        self.kill(name)

    def pause(self, name: str, seconds: float) -> None:
        """SIGSTOP: it neither hears nor says anything for a while, and its connections stay."""
        self.node(name).paused_until = self.now + seconds

    def partition(self, one: Iterable[str], other: Iterable[str]) -> None:
        """Nothing passes between these two groups, either way."""
        self.network.part(map(NodeId, one), map(NodeId, other))

    def cut_one_way(self, sender: str, receiver: str) -> None:
        """What one says does not reach the other."""
        self.network.cut(NodeId(sender), NodeId(receiver))

    def retire(self, name: str) -> None:
        """This node ends and never comes back, nor does its disk: it was destroyed, left, or was forgotten."""
        self.node(name).retired = True
        self.node(name).log.destroyed = True
        self.kill(name)

    def heal(self) -> None:
        """Every line works again."""
        self.network.heal()
        self._tell_reachable()

    # time and what people do --------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return self._timeline.now

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self._timeline.run(seconds)

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        """Do this when so much time has passed."""
        self._timeline.after(seconds, action)

    def run_and_watch(self, name: str, seconds: float) -> list[Output]:
        """Let time pass; all that a node put out meanwhile."""
        node, heard = self.node(name), list[Output]()
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
        return self._turns.take(self.node(name), inputs)

    def offer(self, name: str, fact: Fact, waiter: int = 0) -> None:
        """A node observed a fact."""
        self._offered[waiter] = encode_event(fact)
        self.step(name, [Offered(waiter, fact)])

    def command(self, name: str, command: Command, done: Callable[[CommandAnswer], None] = lambda _: None) -> None:
        """Somebody types a command at a node that runs; `done` hears the answer, if one comes in time."""
        self._errands.send(command, self.node(name), done)

    def accept_loss(self, name: str) -> None:
        """Somebody at that node reads what of its log is lost, and accepts it; nothing happens where nothing is."""
        node = self.node(name)
        if node.process is not None and node.log.damage is not None:
            self.step(name, [LossAccepted(node.log.damage)])

    @property
    def open_commands(self) -> int:
        """Commands that are not answered yet and still may be."""
        return self._errands.open

    # what can be seen ---------------------------------------------------------------------------------------

    def node(self, name: str) -> VirtualNode:
        """A machine by its name."""
        return self.nodes[NodeId(name)]

    def process(self, name: str) -> VirtualProcess:
        """The running process of a node."""
        process = self.node(name).process
        if process is None:
            message = f"{name} does not run"
            raise ValueError(message)
        return process

    def present(self, name: str) -> Participant:
        """The running participant of a node."""
        return self.process(name).participant

    @property
    def up(self) -> list[str]:
        """Nodes that run."""
        return [str(name) for name, node in self.nodes.items() if node.process is not None]

    @property
    def down(self) -> list[str]:
        """Nodes that do not run and may be started."""
        return [str(name) for name, node in self.nodes.items() if node.process is None and not node.retired]

    def masters(self) -> list[str]:
        """Nodes that believe they lead."""
        return [name for name in self.up if self.present(name).election.leads]

    def chains(self) -> set[bytes]:
        """The ends of all running nodes' logs: one when they agree."""
        return {self.present(name).ledger.chain for name in self.up}

    @property
    def trace(self) -> str:
        """A hash over everything that happened."""
        return self._turns.trace

    # the machinery ------------------------------------------------------------------------------------------

    def _chance(self, purpose: str) -> random.Random:
        return random.Random(f"{self._seed} {purpose}")  # noqa: S311  repeatable on purpose

    def _machine(self, node: VirtualNode) -> Machine:
        return Machine(
            node_id=node.node_id,
            boot=node.boot,
            log=node.log,
            creator=node.creator,
            consistency=self.consistency,
            retention=self._retention,
            memory=node.memory,
            priority=node.priority,
            rules=self._rules,
            rng=SeededRng(self._chance(f"{node.node_id} {node.boot}").getrandbits(32)),
            draw_load=self._draw_load,
            stopped=partial(self.witness.stopped, node.log),
        )

    def _draw_load(self) -> tuple[float, bool]:
        self.started_runners += 1
        return 0.1 + 2 * self._loads.random(), self._loads.random() < self.load_fails

    def _on_death(self, node: VirtualNode) -> None:
        self.kill(node.node_id)

    def _on_decided(self, node: VirtualNode, output: Decided) -> None:
        self._errands.decided(node, output)

    def _on_acknowledged(self, node: VirtualNode, output: Acknowledged) -> None:
        payload = self._offered.get(output.waiter)
        if payload is not None:
            self.witness.acknowledged(node.log, [payload], output.index)

    def _look_around(self) -> None:
        self._tell_reachable()
        self._timeline.after(LOOK_AROUND_S, self._look_around)

    def _tell_reachable(self) -> None:
        for node in self.nodes.values():
            if node.process is not None:
                self._turns.reach(node, frozenset(self._reachable_from(node, node.process)))

    def _reachable_from(self, node: VirtualNode, process: VirtualProcess) -> Iterable[NodeId]:
        left = process.participant.state.left
        for other in self.nodes.values():
            if (
                other is not node
                and other.process is not None
                and other.node_id not in left
                and node.node_id not in other.process.participant.state.left
                and self.network.connected(node.node_id, other.node_id)
            ):
                yield other.node_id
