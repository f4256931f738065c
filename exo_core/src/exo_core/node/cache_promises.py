"""How much memory may a shard's caches take? Promised when it is loaded, so that no byte is promised twice.

A shard gets what its placement reserves, and a loan of what is free beyond that (`cache_loans`). Loans are called in
when another model is loaded here, and grow when one is gone; what was lent counts until the runner says that it takes
no more. An engine that cannot give back keeps what it got, which is told as not free, for the master counts
reservations only.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, final

from exo_core.clock import Clock
from exo_core.errors import ModelError
from exo_core.identifiers import RunnerId
from exo_core.node.cache_loans import Reservation, fair_loans, reservation
from exo_core.node.measuring import MachineMeasure
from exo_core.placement import ShardAssignment
from exo_core.placement_rules.refusals import size

logger = logging.getLogger(__name__)

PATIENCE_S: Final = 10.0
"""How long a shard waits for memory that another runner may just be giving back."""
_LOOK_S: Final = 0.5
_NOTICEABLE: Final = 8
"""A loan changes by no less than this part of it: what is free varies all the time."""


@dataclass(kw_only=True)
class Promise:
    """Bytes of one shard: what its placement reserves, and what its caches were lent besides."""

    reserved: Reservation
    loan: int
    """What they may take now, and still take until the runner says otherwise."""
    called_in: bool = False
    """Whether the runner was asked for a part of it and has not answered."""
    can_change: bool = True

    @property
    def kv_bytes(self) -> int:
        """What of it is for caches."""
        return self.reserved.for_caches + self.loan


def with_promise(newer: ShardAssignment, promised: ShardAssignment) -> ShardAssignment:
    """A newer assignment of the same runner, with what was promised when it was loaded."""
    shard = newer.shard.model_copy(update={"compute_type": promised.shard.compute_type})
    return newer.model_copy(update={"kv_bytes": promised.kv_bytes, "shard": shard})


@final
class CachePromises:
    """One per node. `placed` gives the shards that the log wants here, `measure` what this machine has now.

    `resize` tells a runner what its caches may take; `caches_take` is its answer.
    """

    def __init__(
        self,
        *,
        measure: Callable[[], MachineMeasure],
        placed: Callable[[], Iterable[ShardAssignment]],
        resize: Callable[[RunnerId, int], None],
        clock: Clock,
    ) -> None:
        self._measure = measure
        self._placed = placed
        self._resize = resize
        self._clock = clock
        self._promised: dict[RunnerId, Promise] = {}
        self._coming: dict[RunnerId, Reservation] = {}
        """Of those that wait for their promise."""

    @property
    def not_to_be_had(self) -> int:
        """Bytes that are lent here and do not come back while their shards run."""
        return sum(promise.loan for promise in self._promised.values() if not promise.can_change)

    async def fulfilled(self, assignment: ShardAssignment) -> ShardAssignment:
        """The assignment with its `kv_bytes`, and computed as stored if there is no room for float32 any more.

        Raises `ModelError`, with numbers, when the shard does not fit.
        """
        try:
            return await self._fulfilled(assignment)
        finally:
            self._coming.pop(assignment.shard.runner_id, None)
            self._lend_more()  # what was called in for a shard that does not come, or needs less, after all

    async def _fulfilled(self, assignment: ShardAssignment) -> ShardAssignment:
        deadline = self._clock.now() + PATIENCE_S
        while (promise := self._promise(assignment, patient=self._clock.now() < deadline)) is None:
            if self._clock.now() >= deadline:
                smaller = _as_stored(assignment)
                if smaller == assignment:
                    raise ModelError(self._does_not_fit(assignment))
                logger.warning("%s. It is computed as stored, which is slower", self._does_not_fit(assignment))
                assignment, deadline = smaller, self._clock.now()
                continue
            await self._clock.sleep(_LOOK_S)
        self._promised[assignment.shard.runner_id] = promise
        return assignment.model_copy(update={"kv_bytes": promise.kv_bytes})

    def take_back(self, runner_id: RunnerId) -> None:
        """The runner is gone; the others may have more."""
        if self._promised.pop(runner_id, None) is not None:
            self._lend_more()

    def caches_take(self, runner_id: RunnerId, kv_bytes: int, *, can_change: bool) -> None:
        """A runner's caches take so much at most from now on."""
        promise = self._promised.get(runner_id)
        if promise is None:
            return
        was_called_in, promise.called_in = promise.called_in, False
        promise.loan = max(0, kv_bytes - promise.reserved.for_caches)
        promise.can_change = can_change
        if was_called_in:
            self._lend_more()

    # what a shard that is to be loaded may have ----------------------------------------------------------------------

    def _promise(self, assignment: ShardAssignment, *, patient: bool) -> Promise | None:
        """None: it does not fit, or (if `patient`) what the others were lent is still on its way back.

        The room that is kept for the person is used only where the shard would not fit otherwise.
        """
        own, needed = assignment.shard.runner_id, reservation(assignment)
        self._coming[own] = needed
        fair = self._fair_loans()
        self._call_in(fair)
        machine, others = self._measure(), self._held_without(own)
        waits = patient and any(promise.called_in for promise in self._promised.values())
        if needed.total > (machine.memory_for_models if waits else machine.memory_at_most) - others:
            return None
        free = machine.memory_for_models - others - needed.total
        return Promise(reserved=needed, loan=max(0, min(fair[own], free)))

    def _reserved(self) -> dict[RunnerId, Reservation]:
        """By all shards that are here or will be: as promised, or as placed where the promise is still to come."""
        placed = {item.shard.runner_id: reservation(item) for item in self._placed()}
        return placed | self._coming | {name: promise.reserved for name, promise in self._promised.items()}

    def _held_without(self, own: RunnerId | None) -> int:
        """What all shards but one hold or will."""
        loans = sum(promise.loan for name, promise in self._promised.items() if name != own)
        return loans + sum(each.total for name, each in self._reserved().items() if name != own)

    # loans -----------------------------------------------------------------------------------------------------------

    def _fair_loans(self) -> dict[RunnerId, int]:
        return fair_loans(self._reserved(), self._measure().memory_for_models)

    def _call_in(self, fair: dict[RunnerId, int]) -> None:
        for name, promise in [*self._promised.items()]:
            surplus = promise.loan - fair[name]
            if promise.can_change and not promise.called_in and surplus > promise.loan // _NOTICEABLE:
                promise.called_in = True
                self._resize(name, promise.reserved.for_caches + fair[name])

    def _lend_more(self) -> None:
        """As much as is fair and there."""
        fair = self._fair_loans()
        for name, promise in [*self._promised.items()]:
            free = self._measure().memory_for_models - self._held_without(None)
            more = min(fair[name] - promise.loan, free)
            if promise.can_change and not promise.called_in and more > promise.loan // _NOTICEABLE:
                promise.loan += more
                self._resize(name, promise.kv_bytes)

    def _does_not_fit(self, assignment: ShardAssignment) -> str:
        machine, shard = self._measure(), assignment.shard
        others = self._held_without(shard.runner_id)
        needed = reservation(assignment)
        tokens = assignment.placement.kv_tokens
        return (
            f"layers {shard.start_layer} to {shard.end_layer - 1} of {assignment.card.model_id} need "
            f"{size(needed.total)} ({size(needed.total - needed.for_caches)} of weights, {size(needed.for_caches)} for "
            f"{tokens} tokens of context); this machine can give {size(machine.memory_at_most)} to models, of which "
            f"{size(others)} are other models'. Remove one (exo remove), close other programs, or place it on more "
            f"machines"
        )


def _as_stored(assignment: ShardAssignment) -> ShardAssignment:
    return assignment.model_copy(update={"shard": assignment.shard.model_copy(update={"compute_type": "stored"})})
