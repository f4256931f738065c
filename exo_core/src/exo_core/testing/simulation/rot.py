"""What a snapshot that turns bad does to a cluster, and what people then do.

Such a machine has lost what its log began with, and much of it was kept nowhere else on its disk. In a **blackout**
every process ends, and it is the first to start again; in `availability` a person soon loses patience with it and
accepts the loss, though the others come back later with sound logs.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import final

from exo_core.testing.simulation.cluster import VirtualCluster
from exo_core.testing.simulation.node import VirtualNode
from exo_core.testing.simulation.people import People

FACTS = 80
"""So many more make a first snapshot likely."""
AGAIN_S = 0.5
BLACKOUTS = 0.6
"""The share of bad snapshots that come to light after a blackout."""
SOONEST_S, LATEST_S = 1.0, 9.0
"""When the others start after a blackout."""
PATIENCE_S = 3.0


@final
class Rot:
    """`may_lose` says whether the cluster can do without what a machine holds."""

    def __init__(
        self, cluster: VirtualCluster, people: People, chance: random.Random, may_lose: Callable[[VirtualNode], bool]
    ) -> None:
        self._cluster = cluster
        self._people = people
        self._chance = chance
        self._may_lose = may_lose
        self._until = 0.0
        self.loss_accepted = False
        """Whether a person did so: two histories may be left then that cannot become one."""

    def begin(self, seconds: float) -> None:
        """Within so many seconds a snapshot turns bad, if there is one by then."""
        for _ in range(FACTS):
            self._people.offer(1)
        self._until = self._cluster.now + seconds
        self._cluster.later(seconds * self._chance.random(), self._strike)

    def _strike(self) -> None:
        """The snapshot of one machine is bad from now on, and is found to be when that starts again."""
        candidates = [
            node
            for node in self._cluster.nodes.values()
            if node.log.snapshot is not None and not node.retired and self._may_lose(node)
        ]
        if not candidates:
            if self._cluster.now + AGAIN_S < self._until:
                self._cluster.later(AGAIN_S, self._strike)
            return
        victim = self._chance.choice(candidates)
        victim.log.spoil_snapshot()
        if self._chance.random() < BLACKOUTS:
            self._blackout(victim)
        else:
            self._restart(victim)

    def _restart(self, victim: VirtualNode) -> None:
        self._cluster.kill(victim.node_id)
        self._cluster.later(self._chance.random(), partial(self._start, victim))

    def _blackout(self, victim: VirtualNode) -> None:
        others = [node for node in self._cluster.nodes.values() if node is not victim and not node.retired]
        for node in (victim, *others):
            self._cluster.kill(node.node_id)
        self._cluster.later(self._chance.random(), partial(self._start, victim))
        for node in others:
            self._cluster.later(self._chance.uniform(SOONEST_S, LATEST_S), partial(self._start, node))
        if self._cluster.consistency == "availability":
            self._cluster.later(PATIENCE_S, partial(self._accept, victim))

    def _start(self, node: VirtualNode) -> None:
        if node.process is None and not node.retired:
            self._cluster.start(node.node_id)

    def _accept(self, node: VirtualNode) -> None:
        self.loss_accepted = self.loss_accepted or node.log.damage is not None
        self._cluster.accept_loss(node.node_id)
