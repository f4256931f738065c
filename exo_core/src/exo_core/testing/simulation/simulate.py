"""One seed from beginning to end: a cluster is founded, a storm rages, peace returns, and all promises are checked."""

from __future__ import annotations

import random
import traceback
from typing import Literal, final

from exo_core.control_plane.messages import SNAPSHOT_PART_BYTES
from exo_core.control_plane.retention import Retention
from exo_core.testing.simulation.cluster import VirtualCluster
from exo_core.testing.simulation.peace import Peace
from exo_core.testing.simulation.people import People
from exo_core.testing.simulation.report import Report
from exo_core.testing.simulation.storm import MEMORIES, Seldom, Storm
from exo_core.testing.simulation.violations import Violation

Consistency = Literal["availability", "majority"]
MODES: tuple[Consistency, ...] = ("availability", "majority")
START_S = 2.5
STORM_S = (8.0, 30.0)
PARTS = 0.25
"""The share of storms in which a snapshot comes in many parts."""
PART_BYTES = 700
FACTS_AFTER_WRONG = 80
"""So many more facts bring every log to a point at which states are compared."""


def simulate(seed: int, consistency: Consistency, *, faults: bool = True) -> Report:
    """Never raises: what is wrong is in the report."""
    return _Simulation(seed, consistency, faults=faults).run()


@final
class _Simulation:
    def __init__(self, seed: int, consistency: Consistency, *, faults: bool) -> None:
        self._seed = seed
        self._consistency: Consistency = consistency
        self._faults = faults
        self._chance = random.Random(f"{seed} {consistency} storm")  # noqa: S311  repeatable on purpose
        retention = Retention(
            snapshot_every=self._chance.choice((16, 64, 1000)),
            recent_s=self._chance.choice((4.0, 10.0, 600.0)),
            snapshot_part_bytes=_part_bytes(seed, consistency),
        )
        self._cluster = VirtualCluster(0, seed=seed, consistency=consistency, retention=retention)
        self._people = People(self._cluster, self._chance)
        self._storm = Storm(self._cluster, self._people, self._chance, _seldom(seed, consistency), faults=faults)
        self._converged_s = 0.0
        self._fulfilled_s = 0.0
        self._reordered = self._given_up = 0

    def run(self) -> Report:
        violation: str | None = None
        try:
            self._begin()
            self._storm.rage(self._chance.uniform(*STORM_S))
            self._storm.end()
            self._rest()
        except Violation as found:
            violation = str(found)
        except Exception as problem:
            violation = f"crashed: {problem!r} {_where(problem)}"
        return self._report(violation)

    def _begin(self) -> None:
        for number in range(self._chance.randint(2, 5)):
            rate = self._chance.uniform(0.9, 1.1) if self._faults else 1.0
            priority = self._chance.choice((0, 0, 0, 1))
            memory = self._chance.choice(MEMORIES)
            self._cluster.add(f"n{number}", creator=number == 0, memory=memory, rate=rate, priority=priority)
        self._cluster.load_fails = self._chance.choice((0.0, 0.0, 0.1)) if self._faults else 0.0
        self._cluster.run(START_S)
        self._people.add_model()
        self._people.place()
        self._cluster.run(0.5)

    def _rest(self) -> None:
        storm = self._storm
        peace = Peace(
            self._cluster,
            trusted=not storm.went_wrong,
            order_is_final=self._consistency == "majority",
            may_be_apart=lambda: storm.rot.loss_accepted,
        )
        self._converged_s = peace.converge()
        for _ in range(FACTS_AFTER_WRONG if storm.went_wrong else 0):
            self._people.offer(1)
        self._fulfilled_s = peace.fulfil()
        peace.check()
        self._reordered, self._given_up = peace.reordered(), peace.given_up

    def _report(self, violation: str | None) -> Report:
        promises = self._cluster.witness.promises
        return Report(
            seed=self._seed,
            consistency=self._consistency,
            faults=self._faults,
            trace=self._cluster.trace,
            virtual_s=self._cluster.now,
            nodes=len(self._cluster.nodes),
            offered=self._people.offered,
            acknowledged=len(promises),
            reordered=self._reordered,
            given_up=self._given_up,
            perished=sum(1 for promise in promises.values() if not promise.survivors),
            converged_s=self._converged_s,
            fulfilled_s=self._fulfilled_s,
            runners=self._cluster.started_runners,
            violation=violation,
        )


# The words leave the seeds in failing_seeds.txt without any of it: they stay the storms that they were.


def _part_bytes(seed: int, consistency: Consistency) -> int:
    return PART_BYTES if _aside(seed, consistency, "history").random() < PARTS else SNAPSHOT_PART_BYTES


def _seldom(seed: int, consistency: Consistency) -> Seldom:
    crowds, farewells, rot = (_aside(seed, consistency, word) for word in ("party", "proper", "cycle"))
    return Seldom(crowds=crowds, farewells=farewells, rot=rot)


def _aside(seed: int, consistency: Consistency, word: str) -> random.Random:
    """Chance that leaves the rest of a storm as it is."""
    return random.Random(f"{seed} {consistency} {word}")  # noqa: S311  repeatable on purpose


def _where(problem: Exception) -> str:
    """The innermost lines of exo that raised it."""
    frames = traceback.extract_tb(problem.__traceback__)[-4:]
    return " < ".join(f"{frame.filename.rpartition('exo_core/')[2]}:{frame.lineno}" for frame in reversed(frames))
