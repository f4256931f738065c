"""What it does to a cluster when the beginning of a machine's log turns bad, and what people then do.

A machine whose snapshot is bad has lost what its log began with, and much of it was kept nowhere else on its disk; one
with a bad row keeps the facts of the later ones. In a **blackout** every process ends, and that machine is the first to
start again; in `availability` a person soon loses patience with it and accepts the loss, though the others come back
later with sound logs.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import final

from exo_core.testing.simulation.cluster import VirtualCluster
from exo_core.testing.simulation.disk import VirtualDisk
from exo_core.testing.simulation.node import VirtualNode
from exo_core.testing.simulation.people import People

FACTS = 80
"""So many more make a first snapshot likely."""
ROWS = 0.2
"""The share of machines that have a snapshot, and in which a row turns bad all the same."""
BLACKOUTS = 0.6
"""The share of damages that come to light after a blackout."""
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
        self.loss_accepted = False
        """Whether a person did so: two histories may be left then that cannot become one."""

    def begin(self, seconds: float) -> None:
        """Within so many seconds it turns bad."""
        for _ in range(FACTS):
            self._people.offer(1)
        self._cluster.later(seconds * (1 - self._chance.random() ** 2), self._strike)

    def _strike(self) -> None:
        """It is found to be bad when its machine starts again."""
        nodes = [node for node in self._cluster.nodes.values() if not node.retired and self._may_lose(node)]
        if nodes:
            victim = self._chance.choice([node for node in nodes if node.log.snapshot is not None] or nodes)
            self._spoil(victim.log)
            (self._blackout if self._chance.random() < BLACKOUTS else self._restart)(victim)

    def _spoil(self, disk: VirtualDisk) -> None:
        if disk.snapshot is not None and self._chance.random() >= ROWS:
            disk.spoil_snapshot()
        elif disk.length >= disk.first_index:
            disk.spoil(self._chance.choice((disk.first_index, self._chance.randint(disk.first_index, disk.length))))

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
