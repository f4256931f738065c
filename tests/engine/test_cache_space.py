"""What sequences reserve and snapshots keep never exceeds the tightest stage, and snapshots give way first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exo_core.requests import Sampling
from exo_engine.cache_budget import CacheBudget
from exo_engine.cache_space import CacheSpace
from exo_engine.prefix_index import PrefixIndex
from exo_engine.sequence import SequenceState
from exo_engine.steps import SequenceId, StageReport, Start

ROOMY = StageReport(cache_bytes=10_000, bytes_per_token=10, bytes_per_sequence=100)
TIGHT = StageReport(cache_bytes=1_000, bytes_per_token=5, bytes_per_sequence=50)


def sequence(tokens: list[int], *, siblings: bool = False) -> SequenceState:
    return SequenceState(
        choice=0, sampling=Sampling(), prompt_ids=tuple(tokens), most=500, has_siblings=siblings, wants="tokens"
    )


def space(*reports: StageReport) -> CacheSpace:
    return CacheSpace(CacheBudget(reports), PrefixIndex(trimmable=True))


def kept(cache_space: CacheSpace, snapshot: int, tokens: list[int]) -> list[int]:
    """Keep what a sequence of these tokens held; gives the names of those that had to go."""
    held = sequence(tokens)
    held.scheduled = len(tokens)
    gone = cache_space.keep(snapshot, held)
    assert gone is not None
    return [each.snapshot for each in gone]


def test_the_tightest_stage_decides() -> None:
    budget = CacheBudget([ROOMY, TIGHT, StageReport()])
    assert budget.longest == 190
    assert budget.holds(budget.cost(190))
    assert not budget.holds(budget.cost(191))
    assert not budget.holds(budget.cost(181) + budget.cost(0))
    unlimited = CacheBudget([StageReport()])
    assert unlimited.longest is None
    assert unlimited.holds(unlimited.cost(10**9))


WINDOWED = StageReport(cache_bytes=10_000, bytes_per_token=1, bytes_per_sequence=100, windows=((50, 4), (20, 10)))


def test_windows_are_counted_as_far_as_they_are_filled() -> None:
    budget = CacheBudget([WINDOWED])
    assert [budget.cost(tokens).stages for tokens in (0, 1, 20, 30, 50, 51, 1000)] == [
        (100,),
        (115,),
        (400,),
        (450,),
        (550,),
        (551,),
        (1500,),
    ]
    assert budget.longest == 9_500
    full = WINDOWED.model_copy(update={"bytes_per_token": 0})
    assert CacheBudget([full]).longest is None
    assert CacheBudget([full.model_copy(update={"cache_bytes": 280})]).longest == 12


def test_many_short_sequences_fit_where_few_full_windows_would() -> None:
    """A full window costs 400 bytes of 10,000, ten tokens 150 with all that they may grow by."""
    room = CacheSpace(CacheBudget([WINDOWED]), PrefixIndex(trimmable=True), growth=1)
    begun = 0
    while room.begin(sequence([begun] * 10), 10) is not None:
        begun += 1
    assert begun == 10_000 // (100 + 10 * 15 + 15)


def test_those_that_are_open_can_grow_once_beside_a_new_one() -> None:
    room = CacheSpace(CacheBudget([TIGHT]), PrefixIndex(trimmable=True), growth=64)
    first, second = sequence([1] * 20), sequence([2] * 20)
    assert room.begin(first, 20) is not None
    assert room.begin(second, 97) is None
    assert room.begin(second, 96) is not None
    assert room.grow(first, 84) == []
    assert room.grow(first, 85) is None
    room.release(second)
    assert room.begin(second, 22) is not None


def test_with_less_room_snapshots_go_first_and_sequences_are_too_many() -> None:
    room = space(TIGHT)
    kept(room, 1, [1] * 40)
    kept(room, 2, [2] * 30)
    opened = [sequence([number] * 20) for number in (3, 4)]
    for each in opened:
        assert room.begin(each, 20) is not None
    gone = room.change(CacheBudget([TIGHT.model_copy(update={"cache_bytes": 500})]), opened)
    assert [each.snapshot for each in gone] == [1]
    assert not room.is_overfull
    gone = room.change(CacheBudget([TIGHT.model_copy(update={"cache_bytes": 290})]), opened)
    assert [each.snapshot for each in gone] == [2]
    assert room.is_overfull
    room.release(opened[1])
    assert not room.is_overfull
    room.change(CacheBudget([TIGHT]), opened[:1])
    assert room.begin(opened[1], 100) is not None


def test_one_that_is_alone_goes_on_with_less_room_than_it_was_taken_with() -> None:
    room, alone = space(TIGHT), sequence([1] * 150)
    assert room.begin(alone, 150) is not None
    assert room.change(CacheBudget([TIGHT.model_copy(update={"cache_bytes": 400})]), [alone]) == []
    assert room.grow(alone, 190) == []
    assert room.begin(sequence([2] * 20), 20) is None
    assert not room.holds_what_is_open
    room.release(alone)
    assert room.begin(alone, 150) is not None


def test_once_the_stages_were_told_a_limit_one_that_is_alone_keeps_to_it_too() -> None:
    room, alone = space(TIGHT), sequence([1] * 20)
    assert room.begin(alone, 60) is not None
    room.change(CacheBudget([TIGHT.model_copy(update={"cache_bytes": 400})]), [alone])
    assert room.holds_what_is_open
    room.bound()
    assert room.grow(alone, 71) is None
    assert alone.reserved == 60
    assert room.grow(alone, 70) == []
    room.release(alone)
    assert room.begin(sequence([2] * 20), 71) is None
    assert room.begin(sequence([2] * 20), 70) is not None


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(8, 90), st.integers(0, 4)), max_size=40))
def test_the_ledger_never_exceeds_the_limit_and_ends_at_nothing(events: list[tuple[int, int, int]]) -> None:
    """Whatever is begun, grown, kept and closed, everything that is held costs together what the stage has."""
    budget, held = CacheBudget([WINDOWED.model_copy(update={"cache_bytes": 1500})]), list[SequenceState]()
    room = CacheSpace(budget, PrefixIndex(trimmable=True), growth=5)
    for number, (kind, tokens, which) in enumerate(events):
        if kind == 0:
            begun = sequence([which] * tokens)
            held += [begun] if room.begin(begun, tokens) is not None else []
        elif held and kind == 1:
            room.grow(held[which % len(held)], held[which % len(held)].reserved + tokens % 9)
        elif held:
            closed = held.pop(which % len(held))
            closed.scheduled = min(len(closed.tokens), closed.reserved)
            room.release(closed)
            if kind == 3:
                room.keep(number, closed)
        lengths = [*(each.reserved for each in held), *room.index.lengths.values()]
        assert budget.holds(sum((budget.cost(length) for length in lengths), budget.nothing))
    for closed in held:
        room.release(closed)
    alone = sequence([9] * 10)
    assert room.begin(alone, budget.longest or 0) is not None
    assert room.index.lengths == {}


def test_a_sequence_gets_what_it_reserves_or_nothing() -> None:
    room = space(TIGHT)
    first, second = sequence([1] * 20), sequence([2] * 20)
    assert room.begin(first, 100) is not None
    assert first.reserved == 100
    assert room.begin(second, 100) is None
    assert room.begin(second, 80) is not None
    assert room.grow(first, 101) is None
    assert first.reserved == 100
    room.release(second)
    assert room.grow(first, 190) == []


def test_snapshots_give_way_the_oldest_first_but_not_the_one_it_begins_with() -> None:
    room = space(TIGHT)
    assert kept(room, 1, [1] * 40) == []
    assert kept(room, 2, [2] * 40) == []
    beginning = room.begin(sequence([1] * 20 + [9]), 30)
    assert beginning is not None
    assert beginning.start == Start(snapshot=1, length=20, take=False)
    assert beginning.evicted == []
    beginning = room.begin(sequence([1] * 30 + [8]), 60)
    assert beginning is not None
    assert beginning.start is not None
    assert [gone.snapshot for gone in beginning.evicted] == [2]
    assert room.index.lengths == {1: 40}


def test_a_snapshot_that_has_no_room_beside_who_begins_alike_is_taken_and_cut() -> None:
    room = space(TIGHT)
    kept(room, 1, [1] * 100)
    kept(room, 2, [2] * 10)
    beginning = room.begin(sequence([1] * 90 + [9]), 180)
    assert beginning is not None
    assert beginning.start == Start(snapshot=1, length=90, take=True)
    assert [gone.snapshot for gone in beginning.evicted] == [2]
    assert room.index.lengths == {}


def test_who_continues_all_of_a_snapshot_takes_it_without_a_copy() -> None:
    room = space(TIGHT)
    kept(room, 1, [1] * 100)
    beginning = room.begin(sequence([1] * 100 + [9]), 150)
    assert beginning is not None
    assert beginning.start == Start(snapshot=1, length=100, take=True)
    assert room.index.lengths == {}


def test_nobody_takes_what_a_sibling_behind_it_wants() -> None:
    room = space(ROOMY)
    kept(room, 1, [1] * 20)
    sibling = room.begin(sequence([1] * 21, siblings=True), 30)
    last = room.begin(sequence([1] * 21), 30)
    assert sibling is not None
    assert last is not None
    assert [sibling.start, last.start] == [
        Start(snapshot=1, length=20, take=False),
        Start(snapshot=1, length=20, take=True),
    ]


def test_what_has_no_room_is_not_kept() -> None:
    room = space(TIGHT)
    first = sequence([1] * 20)
    first.id = SequenceId(1)
    assert room.begin(first, 100) is not None
    first.scheduled = 100
    first.tokens = [1] * 100
    assert room.keep(1, first) is None
    room.release(first)
    assert room.keep(1, first) == []
