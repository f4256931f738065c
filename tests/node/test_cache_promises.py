"""What caches are promised: never a byte twice, at least the reservation, and a refusal with numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exo_core.cards import Ends, Sizes
from exo_core.errors import ModelError
from exo_core.identifiers import ModelId, RunnerId
from exo_core.node.cache_promises import PATIENCE_S, CachePromises, promise_for
from exo_core.node.measuring import MachineMeasure
from exo_core.placement import ShardAssignment
from exo_core.placement_rules.memory_needs import cache_bytes, shard_bytes
from exo_core.testing.assignments import even_assignments
from exo_core.testing.models import model_with_layers

MB = 10**6


def shard(name: str, *, layers: int = 4, kv_tokens: int = 100) -> ShardAssignment:
    """A whole model of so many MB, and 0.1 MB of caches a layer at 100 tokens."""
    card = model_with_layers(ModelId(name), layers, end_bytes=0, kv_bytes_per_token=1000)[1]
    whole = even_assignments(card, 1, backend="echo")[0]
    own = whole.shard.model_copy(update={"runner_id": RunnerId(name)})
    placement = whole.placement.model_copy(update={"kv_tokens": kv_tokens, "shards": (own,)})
    return whole.model_copy(update={"shard": own, "placement": placement})


@dataclass
class Machine:
    """One that can be changed, and a clock whose sleeps do something to it."""

    for_models: int
    at_most: int
    time: float = 0.0
    freed_at: tuple[float, int] = (1e9, 0)
    placed: list[ShardAssignment] = field(default_factory=list[ShardAssignment])

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        moment, freed = self.freed_at
        if self.time >= moment:
            self.freed_at = (1e9, 0)
            self.for_models += freed
            self.at_most += freed

    def measure(self) -> MachineMeasure:
        return MachineMeasure(
            memory_total=10**12,
            memory_free=0,
            memory_for_models=max(0, self.for_models),
            memory_at_most=self.at_most,
            load=0.0,
        )

    def promises(self) -> CachePromises:
        return CachePromises(measure=self.measure, placed=lambda: self.placed, clock=self)


async def test_a_shard_gets_its_reservation_and_half_of_what_is_free() -> None:
    promises = Machine(for_models=24 * MB + 400_000, at_most=30 * MB).promises()
    granted = await promises.fulfilled(shard("a"))
    assert granted.kv_bytes == 400_000 + 10 * MB
    assert promises.beyond_placement == 10 * MB
    assert granted.model_copy(update={"kv_bytes": 0}) == shard("a")


async def test_what_another_shard_was_promised_is_not_promised_again() -> None:
    machine = Machine(for_models=24 * MB + 400_000, at_most=30 * MB)
    promises = machine.promises()
    first, second = await promises.fulfilled(shard("a")), await promises.fulfilled(shard("b"))
    assert second.kv_bytes == 400_000 + (20 * MB - 10 * MB - 4_400_000) // 2
    weights = 2 * 4 * MB
    assert weights + first.kv_bytes + second.kv_bytes <= machine.for_models
    promises.take_back(RunnerId("a"))
    promises.take_back(RunnerId("b"))
    assert promises.beyond_placement == 0


async def test_a_shard_that_is_placed_and_still_on_its_way_is_counted() -> None:
    machine = Machine(for_models=24 * MB + 400_000, at_most=30 * MB, placed=[shard("b"), shard("a")])
    assert (await machine.promises().fulfilled(shard("a"))).kv_bytes == 400_000 + (20 * MB - 4_400_000) // 2


async def test_the_persons_room_is_used_only_where_it_would_not_fit_otherwise() -> None:
    assert (await Machine(for_models=2 * MB, at_most=5 * MB).promises().fulfilled(shard("a"))).kv_bytes == 400_000


async def test_what_does_not_fit_is_refused_with_numbers_after_a_while() -> None:
    machine = Machine(for_models=2 * MB, at_most=7 * MB, placed=[shard("b")])
    with pytest.raises(ModelError) as refused:
        await machine.promises().fulfilled(shard("a"))
    assert machine.time >= PATIENCE_S
    assert str(refused.value) == (
        "layers 0 to 3 of a need 4.4 MB (4.0 MB of weights, 400.0 kB for 100 tokens of context); this machine can give "
        "7.0 MB to models, of which 4.4 MB are other models'. Remove one (exo remove), close other programs, or place "
        "it on more machines"
    )


async def test_memory_that_is_just_being_given_back_is_waited_for() -> None:
    machine = Machine(for_models=0, at_most=1 * MB, freed_at=(3.0, 20 * MB))
    assert (await machine.promises().fulfilled(shard("a"))).kv_bytes >= 400_000
    assert 3.0 <= machine.time < PATIENCE_S


async def test_without_room_for_float32_a_shard_is_computed_as_stored() -> None:
    assignment = shard("a")
    wide = Sizes(
        layer_bytes=(5 * MB,) * 4,
        ends=Ends(first_bytes=0, last_bytes=0),
        kv_bytes_per_token=(2000,) * 4,
        state_bytes=(0,) * 4,
        activation_bytes=4096,
    )
    card = assignment.card.model_copy(update={"quantization": "4-bit", "in_float32": wide})
    own = assignment.shard.model_copy(update={"compute_type": "float32"})
    placed = assignment.model_copy(update={"card": card, "shard": own})
    spacious, tight = Machine(for_models=30 * MB, at_most=30 * MB), Machine(for_models=15 * MB, at_most=20 * MB)
    fulfilled = await spacious.promises().fulfilled(placed)
    assert (fulfilled.shard.compute_type, fulfilled.kv_bytes) == ("float32", 800_000 + (30 * MB - 20_800_000) // 2)
    fulfilled = await tight.promises().fulfilled(placed)
    assert (fulfilled.shard.compute_type, fulfilled.kv_bytes) == ("stored", 400_000 + (15 * MB - 4_400_000) // 2)
    with pytest.raises(ModelError, match=r"need 4.4 MB"):
        await Machine(for_models=3 * MB, at_most=3 * MB).promises().fulfilled(placed)


@given(st.integers(0, 100), st.integers(0, 100), st.integers(1, 30))
def test_a_promise_holds_the_reservation_and_never_more_than_there_is(for_models: int, more: int, layers: int) -> None:
    assignment = shard("a", layers=layers)
    need = shard_bytes(assignment.card, assignment.placement, assignment.shard)
    caches = cache_bytes(assignment.card, assignment.placement, assignment.shard)
    promise = promise_for(assignment, for_models=for_models * MB, at_most=(for_models + more) * MB)
    assert (promise is None) == (need > (for_models + more) * MB)
    if promise is not None:
        assert promise.kv_bytes >= caches
        assert need - caches + promise.kv_bytes <= max(for_models * MB, need)
