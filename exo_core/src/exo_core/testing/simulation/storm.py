"""A storm: faults and wishes in a random order, all from one seed.

Each seed draws which faults are frequent in it, rare or absent, so that a few meet often in some storms and all meet
sometimes. A storm never takes away what the protocol cannot do without: one sound copy of the log, and in
`majority` those of a majority of the members.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from exo_core.identifiers import NodeId
from exo_core.log.chain import GENESIS
from exo_core.testing.simulation.cluster import VirtualCluster
from exo_core.testing.simulation.disk import Moment
from exo_core.testing.simulation.network import FAIR, Weather
from exo_core.testing.simulation.node import VirtualNode
from exo_core.testing.simulation.people import People
from exo_core.testing.simulation.rot import Rot

MOST_NODES = 8
CROWD = (2, 3)
LONGEST_PAUSE_S = 5.0
LONGEST_FULL_S = 6.0
CROWDS = 0.15
"""The share of storms in which several machines come at once, while a majority is cut off."""
FAREWELLS = 0.15
"""The share of storms in which half of the processes that end say so before."""
ROT = 0.25
"""The share of storms in which the beginning of a log turns bad."""
CALMEST_S = 1.0
"""The longest time between two things that happen."""

_USUAL = {"offer": 0.45, "change": 0.1, "place": 0.05, "delete": 0.02, "heal": 0.12, "start": 0.12}
_FAULTS = {
    "kill": 0.08,
    "pause": 0.06,
    "part": 0.08,
    "cut_one_way": 0.04,
    "weather": 0.04,
    "die_writing": 0.05,
    "fill": 0.03,
    "spoil_row": 0.03,
    "go_wrong": 0.015,
    "destroy": 0.02,
    "join": 0.03,
    "leave": 0.02,
    "forget": 0.03,
}


@dataclass(frozen=True, kw_only=True)
class Seldom:
    """What happens in few storms only."""

    crowds: random.Random
    farewells: random.Random
    rot: random.Random


@final
class Storm:
    """`faults` False: only what people do happens.

    What is `seldom` has chances of its own, so that storms without it stay as they were.
    """

    def __init__(
        self,
        cluster: VirtualCluster,
        people: People,
        chance: random.Random,
        seldom: Seldom,
        *,
        faults: bool,
    ) -> None:
        self._cluster = cluster
        self._people = people
        self._chance = chance
        self._crowds = seldom.crowds
        self._farewells = seldom.farewells if seldom.farewells.random() < FAREWELLS else None
        self._rots = seldom.rot
        self.rot = Rot(cluster, people, seldom.rot, self._may_lose)
        self._faults = faults
        self._newcomers = 0
        self._going: set[NodeId] = set()
        """Who was told to leave, or was forgotten, whether or not that is in the log."""
        self.went_wrong = 0
        """States that silently differed: one at most, since a majority that errs alike is right."""
        names, weights = [*_USUAL], [*_USUAL.values()]
        if faults:
            names.extend(_FAULTS)
            weights.extend(weight * chance.choice((0.0, 0.5, 1.0, 2.0)) for weight in _FAULTS.values())
        self._weights = weights
        self._actions: list[Callable[[], None]] = [self._action(name) for name in names]

    def rage(self, seconds: float) -> None:
        """Let it all happen for so long."""
        end = self._cluster.now + seconds
        if self._faults and self._crowds.random() < CROWDS:
            self._cluster.later(seconds * self._crowds.random(), self._crowd)
        if self._faults and self._rots.random() < ROT:
            self.rot.begin(seconds)
        while self._cluster.now < end:
            self._cluster.run(CALMEST_S * self._chance.random() ** 2)
            self._chance.choices(self._actions, self._weights)[0]()

    def end(self) -> None:
        """Every fault ends, and every node that can starts."""
        self._cluster.heal()
        self._cluster.network.weather = FAIR
        for node in self._cluster.nodes.values():
            node.log.work()
            if node.log.is_spoiled and node.process is not None:
                self._cluster.kill(node.node_id)  # it starts again in a moment, and finds what is bad
        for name in self._cluster.down:
            self._cluster.start(name)
        asleep = max(node.paused_until for node in self._cluster.nodes.values())
        self._cluster.run(max(0.0, asleep - self._cluster.now))

    def _action(self, name: str) -> Callable[[], None]:
        actions: dict[str, Callable[[], None]] = {
            "offer": self._people.offer,
            "change": self._people.change,
            "place": self._people.place,
            "delete": self._people.delete,
            "heal": self._cluster.heal,
            "start": self._start,
            "kill": self._kill,
            "pause": self._pause,
            "part": self._part,
            "cut_one_way": self._cut_one_way,
            "weather": self._weather,
            "die_writing": self._die_writing,
            "fill": self._fill,
            "spoil_row": self._spoil_row,
            "go_wrong": self._go_wrong,
            "destroy": self._destroy,
            "join": self._join,
            "leave": self._leave,
            "forget": self._forget,
        }
        return actions[name]

    # processes ----------------------------------------------------------------------------------------------

    def _kill(self) -> None:
        if len(self._cluster.up) > 1:
            name = self._one_up()
            orderly = self._farewells is not None and self._farewells.random() < 0.5
            (self._cluster.stop if orderly else self._cluster.kill)(name)

    def _start(self) -> None:
        if self._cluster.down:
            self._cluster.start(self._chance.choice(self._cluster.down))

    def _pause(self) -> None:
        if self._cluster.up:
            self._cluster.pause(self._one_up(), LONGEST_PAUSE_S * self._chance.random())

    def _go_wrong(self) -> None:
        if len(self._cluster.up) > 2 and not self.went_wrong:
            self.went_wrong += 1
            self._cluster.process(self._one_up()).go_wrong()

    # the network --------------------------------------------------------------------------------------------

    def _part(self) -> None:
        names = [*self._cluster.nodes]
        self._chance.shuffle(names)
        place = self._chance.randint(1, len(names) - 1)
        self._cluster.partition(names[:place], names[place:])

    def _cut_one_way(self) -> None:
        self._cluster.cut_one_way(*self._chance.sample([*self._cluster.nodes], 2))

    def _weather(self) -> None:
        self._cluster.network.weather = Weather(
            lost=self._chance.choice((0.0, 0.0, 0.05, 0.3)),
            doubled=self._chance.choice((0.0, 0.0, 0.2)),
            late=self._chance.choice((0.0, 0.0, 0.1, 0.3)),
        )

    # disks --------------------------------------------------------------------------------------------------

    def _die_writing(self) -> None:
        moment: Moment = self._chance.choice(("before", "after"))
        if len(self._cluster.up) > 1:
            self._cluster.node(self._one_up()).log.die_at_write(self._chance.randint(1, 6), moment)

    def _fill(self) -> None:
        disk = self._cluster.node(self._chance.choice([*self._cluster.nodes])).log
        disk.full = True
        self._cluster.later(LONGEST_FULL_S * self._chance.random(), disk.make_room)

    def _spoil_row(self) -> None:
        node = self._cluster.node(self._chance.choice([*self._cluster.nodes]))
        disk = node.log
        if disk.first_index <= disk.length and self._may_lose(node):
            disk.spoil(self._chance.randint(disk.first_index, disk.length))

    def _destroy(self) -> None:
        """The machine comes back, with a new disk and so as somebody else."""
        victim = self._expendable()
        if victim is not None:
            self._cluster.retire(victim.node_id)
            self._join()

    # members ------------------------------------------------------------------------------------------------

    def _join(self) -> None:
        if len(self._cluster.nodes) < MOST_NODES:
            self._newcomers += 1
            self._cluster.add(f"j{self._newcomers}", rate=self._rate(), memory=self._chance.choice(MEMORIES))

    def _crowd(self) -> None:
        """Some machines come at once, and in that moment a master is alone with them."""
        masters, old = self._cluster.masters(), [*self._cluster.nodes]
        for _ in range(min(self._crowds.choice(CROWD), MOST_NODES - len(old))):
            self._newcomers += 1
            self._cluster.add(f"j{self._newcomers}", memory=self._crowds.choice(MEMORIES))
        if masters:
            master = self._crowds.choice(masters)
            others = [name for name in old if name != master]
            self._cluster.partition(others, [name for name in self._cluster.nodes if name not in others])

    def _leave(self) -> None:
        victim = self._expendable()
        if victim is not None and victim.process is not None:
            self._going.add(victim.node_id)
            self._people.leave(victim.node_id)

    def _forget(self) -> None:
        """Whoever is down for good, or only seems to be."""
        gone = [node for node in self._cluster.nodes.values() if node.process is None]
        victim = self._chance.choice(gone) if gone and self._chance.random() < 0.7 else self._expendable()
        if victim is not None and (victim.retired or self._may_lose(victim)):
            self._going.add(victim.node_id)
            self._people.forget(victim.node_id)

    def _expendable(self) -> VirtualNode | None:
        """A node without which the cluster can go on."""
        candidates = [node for node in self._cluster.nodes.values() if self._may_lose(node)]
        return self._chance.choice(candidates) if candidates else None

    def _may_lose(self, victim: VirtualNode) -> bool:
        usable = [node for node in self._cluster.nodes.values() if not node.retired and node is not victim]
        memberships = self._memberships()
        members = {victim.node_id}.union(*memberships)
        trusty = members - self._going
        sound = {node.node_id for node in usable if node.log.is_sound and node.node_id in trusty}
        if self._cluster.consistency == "majority":
            bad = {victim.node_id, *(node.node_id for node in usable if node.log.is_bad)}  # they may still join
            groups = [members, *(each | bad for each in memberships)]
            enough = all(2 * len(sound & group) > len(group) for group in groups)
        else:
            enough = len(sound) > 0
        return not victim.retired and enough

    def _memberships(self) -> set[frozenset[NodeId]]:
        """Who is a member as each disk has it. Any of them may come to count: who is down will start again."""
        logs = [node.log for node in self._cluster.nodes.values() if not node.retired]
        ends = [log.chain_at(log.length) or GENESIS for log in logs]
        return {frozenset(self._cluster.witness.state_at(chain).members) for chain in ends} - {frozenset()}

    # chance -------------------------------------------------------------------------------------------------

    def _one_up(self) -> str:
        return self._chance.choice(self._cluster.up)

    def _rate(self) -> float:
        return 0.9 + 0.2 * self._chance.random()


MEMORIES = (5_000_000, 12_000_000, 30_000_000)
"""A model takes some nine million bytes: small machines hold half of one."""
