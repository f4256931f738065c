"""How much memory may a shard's caches take? Promised when it is loaded, so that no byte is promised twice.

A shard gets what its placement reserves, and half of what is free beyond that: the other half stays for models that are
placed later. What was promised beyond the reservation is told as not free, for the master counts reservations only.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, final

from exo_core.clock import Clock
from exo_core.errors import ModelError
from exo_core.identifiers import RunnerId
from exo_core.node.measuring import MachineMeasure
from exo_core.placement import ShardAssignment
from exo_core.placement_rules.memory_needs import cache_bytes, shard_bytes
from exo_core.placement_rules.refusals import size

logger = logging.getLogger(__name__)

PATIENCE_S: Final = 10.0
"""How long a shard waits for memory that another runner may just be giving back."""
_LOOK_S: Final = 0.5


@dataclass(frozen=True, kw_only=True)
class Promise:
    """Bytes of one shard: what its placement reserves for it in all, and what its caches may take."""

    reserved: int
    kv_bytes: int
    beyond: int
    """Of `kv_bytes`, what the placement does not reserve."""


def promise_for(assignment: ShardAssignment, *, for_models: int, at_most: int) -> Promise | None:
    """What a shard may have of the bytes that other shards leave (`MachineMeasure`'s words); None: it cannot be loaded.

    The room that is kept for the person is used only where the shard would not fit otherwise.
    """
    need = shard_bytes(assignment.card, assignment.placement, assignment.shard)
    if need > at_most:
        return None
    beyond = max(0, for_models - need) // 2
    reserved_for_caches = cache_bytes(assignment.card, assignment.placement, assignment.shard)
    return Promise(reserved=need, kv_bytes=reserved_for_caches + beyond, beyond=beyond)


def with_promise(newer: ShardAssignment, promised: ShardAssignment) -> ShardAssignment:
    """A newer assignment of the same runner, with what was promised when it was loaded."""
    shard = newer.shard.model_copy(update={"compute_type": promised.shard.compute_type})
    return newer.model_copy(update={"kv_bytes": promised.kv_bytes, "shard": shard})


@final
class CachePromises:
    """One per node. `placed` gives the shards that the log wants here, `measure` what this machine has now."""

    def __init__(
        self,
        *,
        measure: Callable[[], MachineMeasure],
        placed: Callable[[], Iterable[ShardAssignment]],
        clock: Clock,
    ) -> None:
        self._measure = measure
        self._placed = placed
        self._clock = clock
        self._promised: dict[RunnerId, Promise] = {}

    @property
    def beyond_placement(self) -> int:
        """Bytes that are promised here and that no placement reserves."""
        return sum(promise.beyond for promise in self._promised.values())

    async def fulfilled(self, assignment: ShardAssignment) -> ShardAssignment:
        """The assignment with its `kv_bytes`, and computed as stored if there is no room for float32 any more.

        Raises `ModelError`, with numbers, when the shard does not fit.
        """
        deadline = self._clock.now() + PATIENCE_S
        while (promise := self._promise(assignment)) is None:
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
        """The runner is gone."""
        self._promised.pop(runner_id, None)

    def _promise(self, assignment: ShardAssignment) -> Promise | None:
        machine, others = self._measure(), self._of_others(assignment)
        return promise_for(
            assignment, for_models=machine.memory_for_models - others, at_most=machine.memory_at_most - others
        )

    def _of_others(self, assignment: ShardAssignment) -> int:
        """What other shards hold or will: as promised, or as reserved where the promise is still to come."""
        own = assignment.shard.runner_id
        promised = {name: promise.reserved + promise.beyond for name, promise in self._promised.items()}
        reserved = {item.shard.runner_id: shard_bytes(item.card, item.placement, item.shard) for item in self._placed()}
        return sum(count for name, count in (reserved | promised).items() if name != own)

    def _does_not_fit(self, assignment: ShardAssignment) -> str:
        machine, others, shard = self._measure(), self._of_others(assignment), assignment.shard
        need = shard_bytes(assignment.card, assignment.placement, shard)
        caches = cache_bytes(assignment.card, assignment.placement, shard)
        tokens = assignment.placement.kv_tokens
        return (
            f"layers {shard.start_layer} to {shard.end_layer - 1} of {assignment.card.model_id} need {size(need)} "
            f"({size(need - caches)} of weights, {size(caches)} for {tokens} tokens of context); this machine can give "
            f"{size(machine.memory_at_most)} to models, of which {size(others)} are other models'. Remove one "
            f"(exo remove), close other programs, or place it on more machines"
        )


def _as_stored(assignment: ShardAssignment) -> ShardAssignment:
    return assignment.model_copy(update={"shard": assignment.shard.model_copy(update={"compute_type": "stored"})})
