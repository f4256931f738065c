"""What caches are promised: never a byte twice, at least the reservation, and a refusal with numbers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exo_core.cards import Ends, Sizes
from exo_core.errors import ModelError
from exo_core.identifiers import ModelId, RunnerId
from exo_core.node.cache_loans import Reservation, fair_loans
from exo_core.node.cache_promises import PATIENCE_S, CachePromises
from exo_core.node.measuring import MachineMeasure
from exo_core.placement import ShardAssignment
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
    told: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    """What runners' caches may take, and have not confirmed."""
    answers_at: float = 0.0
    can_change: bool = True
    answered: dict[str, int] = field(default_factory=dict[str, int])
    _promises: CachePromises | None = None

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        moment, freed = self.freed_at
        if self.time >= moment:
            self.freed_at = (1e9, 0)
            self.for_models += freed
            self.at_most += freed
        if self.time >= self.answers_at:
            self.answer()

    def answer(self) -> None:
        """All runners say that their caches take what they were told, or that they cannot."""
        told, self.told = self.told, []
        for name, kv_bytes in told:
            self.answered[name] = kv_bytes
            self.promises.caches_take(RunnerId(name), kv_bytes, can_change=self.can_change)

    def measure(self) -> MachineMeasure:
        return MachineMeasure(
            memory_total=10**12,
            memory_free=0,
            memory_for_models=max(0, self.for_models),
            memory_at_most=self.at_most,
            load=0.0,
        )

    @property
    def promises(self) -> CachePromises:
        if self._promises is None:
            self._promises = CachePromises(
                measure=self.measure,
                placed=lambda: self.placed,
                resize=lambda name, kv_bytes: self.told.append((name, kv_bytes)),
                clock=self,
            )
        return self._promises


async def test_a_shard_gets_its_reservation_and_half_of_what_is_free() -> None:
    granted = await Machine(for_models=24 * MB + 400_000, at_most=30 * MB).promises.fulfilled(shard("a"))
    assert granted.kv_bytes == 400_000 + 10 * MB
    assert granted.model_copy(update={"kv_bytes": 0}) == shard("a")


async def test_what_was_called_in_for_a_shard_that_did_not_fit_goes_back() -> None:
    machine = Machine(for_models=16 * MB, at_most=16 * MB)
    alone = await machine.promises.fulfilled(shard("a"))
    with pytest.raises(ModelError, match="need"):
        await machine.promises.fulfilled(shard("large", layers=13))
    assert machine.answered["a"] < alone.kv_bytes, "it had been called in"
    machine.answer()
    assert machine.answered["a"] == alone.kv_bytes


async def test_what_was_lent_is_called_in_for_a_second_model_and_a_third() -> None:
    """Four megabytes of weights each on a machine that gives sixteen: the first alone has more than half of them."""
    machine = Machine(for_models=16 * MB, at_most=20 * MB)
    first = await machine.promises.fulfilled(shard("a"))
    assert first.kv_bytes == 400_000 + 5_800_000
    second = await machine.promises.fulfilled(shard("b"))
    fair = (16 * MB - 8_800_000) // 2 // 2
    assert machine.told == [("a", 400_000 + fair)]
    assert second.kv_bytes == 16 * MB - first.kv_bytes - 8 * MB, "what the first has not given back yet is not lent"
    machine.answer()
    assert machine.told == [("b", 400_000 + fair)]
    machine.answer()
    third = await machine.promises.fulfilled(shard("c"))
    fair = (16 * MB - 13_200_000) // 2 // 3
    assert machine.answered == {"a": 400_000 + fair, "b": 400_000 + fair}
    assert machine.time > 0, "it waited for what the others gave back"
    assert 3 * 4_400_000 + 3 * fair <= machine.for_models
    assert third.kv_bytes <= 400_000 + fair


async def test_the_last_one_gets_its_share_when_the_others_have_given_theirs_back() -> None:
    machine = Machine(for_models=16 * MB, at_most=20 * MB, answers_at=1e9)
    await machine.promises.fulfilled(shard("a"))
    granted = await machine.promises.fulfilled(shard("b", layers=5))
    machine.told, called_in = [], machine.told
    assert granted.kv_bytes - 500_000 < 400_000
    machine.promises.caches_take(RunnerId("a"), called_in[0][1], can_change=True)
    (grown,) = machine.told
    assert grown[0] == "b"
    assert grown[1] > 500_000 + 1_000_000


async def test_when_a_model_goes_the_others_have_more() -> None:
    machine = Machine(for_models=16 * MB, at_most=20 * MB)
    first = await machine.promises.fulfilled(shard("a"))
    await machine.promises.fulfilled(shard("b"))
    machine.answer()
    machine.answer()
    machine.promises.take_back(RunnerId("b"))
    assert machine.told == [("a", first.kv_bytes)]


async def test_an_engine_that_gives_nothing_back_keeps_what_it_got_and_that_is_told() -> None:
    machine = Machine(for_models=16 * MB, at_most=16 * MB, can_change=False)
    first = await machine.promises.fulfilled(shard("a"))
    machine.promises.caches_take(RunnerId("a"), first.kv_bytes, can_change=False)
    assert machine.promises.not_to_be_had == first.kv_bytes - 400_000
    with pytest.raises(ModelError, match=r"of which 10.2 MB are other models'"):
        await machine.promises.fulfilled(shard("b", layers=6))
    assert machine.told == []
    machine.promises.take_back(RunnerId("a"))
    assert machine.promises.not_to_be_had == 0


async def test_a_runner_that_does_not_answer_is_not_waited_for_longer_than_that() -> None:
    machine = Machine(for_models=16 * MB, at_most=17 * MB, answers_at=1e9)
    await machine.promises.fulfilled(shard("a"))
    granted = await machine.promises.fulfilled(shard("b", layers=6))
    assert PATIENCE_S <= machine.time < PATIENCE_S + 1
    assert granted.kv_bytes == 600_000


def test_loans_are_half_of_what_is_free_in_proportion_to_the_caches() -> None:
    reserved = {RunnerId("a"): Reservation(600, 100), RunnerId("b"): Reservation(400, 300)}
    assert fair_loans(reserved, 1800) == {"a": 100, "b": 300}
    assert fair_loans(reserved, 900) == {"a": 0, "b": 0}
    assert fair_loans({RunnerId("a"): Reservation(600, 0)}, 800) == {"a": 100}
    assert fair_loans({}, 800) == {}


async def test_a_shard_that_is_placed_and_still_on_its_way_is_counted() -> None:
    machine = Machine(for_models=24 * MB + 400_000, at_most=30 * MB, placed=[shard("b"), shard("a")])
    assert (await machine.promises.fulfilled(shard("a"))).kv_bytes == 400_000 + (20 * MB - 4_400_000) // 2 // 2


async def test_the_persons_room_is_used_only_where_it_would_not_fit_otherwise() -> None:
    assert (await Machine(for_models=2 * MB, at_most=5 * MB).promises.fulfilled(shard("a"))).kv_bytes == 400_000


async def test_what_does_not_fit_is_refused_with_numbers_after_a_while() -> None:
    machine = Machine(for_models=2 * MB, at_most=7 * MB, placed=[shard("b")])
    with pytest.raises(ModelError) as refused:
        await machine.promises.fulfilled(shard("a"))
    assert machine.time >= PATIENCE_S
    assert str(refused.value) == (
        "layers 0 to 3 of a need 4.4 MB (4.0 MB of weights, 400.0 kB for 100 tokens of context); this machine can give "
        "7.0 MB to models, of which 4.4 MB are other models'. Remove one (exo remove), close other programs, or place "
        "it on more machines"
    )


async def test_memory_that_is_just_being_given_back_is_waited_for() -> None:
    machine = Machine(for_models=0, at_most=1 * MB, freed_at=(3.0, 20 * MB))
    assert (await machine.promises.fulfilled(shard("a"))).kv_bytes >= 400_000
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
    fulfilled = await spacious.promises.fulfilled(placed)
    assert (fulfilled.shard.compute_type, fulfilled.kv_bytes) == ("float32", 800_000 + (30 * MB - 20_800_000) // 2)
    fulfilled = await tight.promises.fulfilled(placed)
    assert (fulfilled.shard.compute_type, fulfilled.kv_bytes) == ("stored", 400_000 + (15 * MB - 4_400_000) // 2)
    with pytest.raises(ModelError, match=r"need 4.4 MB"):
        await Machine(for_models=3 * MB, at_most=3 * MB).promises.fulfilled(placed)


LOADS = st.tuples(st.sampled_from(["load", "load", "remove", "answer"]), st.sampled_from("abcd"), st.integers(1, 6))


@settings(max_examples=200)
@given(st.integers(5, 60), st.lists(LOADS, max_size=25))
def test_no_byte_is_promised_twice_and_every_reservation_is_kept(
    for_models: int, events: list[tuple[str, str, int]]
) -> None:
    """Runners answer late or early; what they take until then counts."""
    machine, taken, weights = Machine(for_models * MB, for_models * MB), dict[str, int](), dict[str, int]()

    async def load(name: str, layers: int) -> None:
        try:
            granted = await machine.promises.fulfilled(shard(name, layers=layers))
        except ModelError:
            return
        taken[name], weights[name] = granted.kv_bytes, layers * MB
        assert granted.kv_bytes >= layers * 100_000

    for what, name, layers in events:
        machine.time, machine.answers_at = 0.0, 5.0
        if what == "load" and name not in taken:
            asyncio.run(load(name, layers))
        elif what == "remove" and name in taken:
            del taken[name], weights[name]
            machine.told = [(told, kv_bytes) for told, kv_bytes in machine.told if told != name]
            machine.promises.take_back(RunnerId(name))
        elif what == "answer":
            machine.answer()
        taken |= {told: kv_bytes for told, kv_bytes in machine.told if told in taken and kv_bytes > taken[told]}
        taken |= {told: kv_bytes for told, kv_bytes in machine.answered.items() if told in taken}
        machine.answered.clear()
        assert sum(taken.values()) + sum(weights.values()) <= for_models * MB
