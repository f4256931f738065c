"""The index finds what comparing token by token finds, and forgets what is of no more use."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exo_engine.prefix_index import MOST_KEPT, SHORTEST, PrefixIndex

TOKENS = st.lists(st.integers(0, 2), min_size=SHORTEST, max_size=24)


def filled(trimmable: bool, *kept: list[int]) -> PrefixIndex:
    index = PrefixIndex(trimmable=trimmable)
    for name, tokens in enumerate(kept):
        index.add(name, tokens)
    return index


def common(one: list[int], other: list[int]) -> int:
    pairs = list(zip(one, other, strict=False))
    return next((at for at, (a, b) in enumerate(pairs) if a != b), len(pairs))


@given(st.lists(TOKENS, max_size=8), TOKENS)
def test_the_longest_beginning_but_the_last_token(kept: list[list[int]], wanted: list[int]) -> None:
    index = filled(True, *kept)
    longest = max((common(tokens, wanted[:-1]) for tokens in kept), default=0)
    match = index.find(wanted)
    assert (match.length if match else 0) == (longest if longest >= SHORTEST else 0)


@given(st.lists(TOKENS, max_size=8), TOKENS)
def test_of_caches_that_cannot_be_trimmed_only_whole_ones(kept: list[list[int]], wanted: list[int]) -> None:
    index = filled(False, *kept)
    whole = [len(tokens) for tokens in kept if wanted[:-1][: len(tokens)] == tokens]
    match = index.find(wanted)
    assert (match.length if match else 0) == max(whole, default=0)
    assert match is None or match.is_whole


@given(st.lists(TOKENS, max_size=8), TOKENS)
def test_what_serves_nobody_is_not_worth_keeping(kept: list[list[int]], wanted: list[int]) -> None:
    index = filled(True, *kept)
    covered = any(tokens[: len(wanted)] == wanted for tokens in kept)
    assert index.is_worth_keeping(wanted) is not covered


def test_a_longer_snapshot_makes_its_beginnings_superfluous() -> None:
    index = filled(True, [1] * 10, [2] * 10)
    assert [kept.snapshot for kept in index.add(7, [1] * 12)] == [0]
    assert index.lengths == {1: 10, 7: 12}
    assert index.tokens == 22
    assert len(filled(False, [1] * 10, [1] * 12)) == 2


def test_the_least_recently_used_one_is_the_oldest() -> None:
    index = filled(True, [1] * 10, [2] * 10, [3] * 10)
    match = index.find([1] * 11)
    assert match is not None
    index.use(match.kept)
    oldest = index.oldest()
    assert oldest is not None
    assert oldest.snapshot == 1
    other = index.oldest(spare=oldest)
    assert other is not None
    assert other.snapshot == 2


def test_exact_caches_serve_everybody_and_rounded_ones_only_those_who_do_not_mind() -> None:
    index = filled(True, [1] * 20)
    assert index.find([1] * 11) is not None
    assert index.find([1] * 11, exact=True) is None
    assert index.is_worth_keeping([1] * 10, exact=True)
    assert index.add(7, [1] * 10, exact=True) == []
    match = index.find([1] * 30, exact=True)
    assert match is not None
    assert (match.kept.snapshot, match.length) == (7, 10)
    assert index.add(8, [1] * 30) != [], "the other rounded one is superfluous, the exact one is not"
    assert sorted(index.lengths) == [7, 8]
    assert not index.is_worth_keeping([1] * 10, exact=True)
    assert sorted(kept.snapshot for kept in index.add(9, [1] * 30, exact=True)) == [7, 8]


def test_it_is_bounded() -> None:
    index = PrefixIndex(trimmable=True, most_tokens=25)
    assert index.add(0, [0] * 10) == []
    assert index.add(1, [1] * 10) == []
    assert [kept.snapshot for kept in index.add(2, [2] * 10)] == [0]
    many = PrefixIndex(trimmable=True)
    gone = [kept.snapshot for name in range(MOST_KEPT + 3) for kept in many.add(name, [name + 5] * 8)]
    assert gone == [0, 1, 2]
