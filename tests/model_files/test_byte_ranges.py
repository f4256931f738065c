"""Arithmetic of ranges, compared with sets of single bytes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from exo_core.model_files.byte_ranges import ByteRange, merged, pieces, total, within, without

ranges = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12)).map(lambda at: ByteRange(at[0], at[0] + at[1])))


def bytes_of(items: Sequence[ByteRange]) -> set[int]:
    return {byte for item in items for byte in range(*item)}


def check_tidy(items: Sequence[ByteRange]) -> None:
    """In order, apart, none empty."""
    assert all(item.size > 0 for item in items)
    assert all(one.end <= other.start for one, other in pairwise(items))


@given(ranges)
def test_merging_keeps_every_byte_once(items: list[ByteRange]) -> None:
    result = merged(items)
    check_tidy(result)
    assert all(one.end < other.start for one, other in pairwise(result))
    assert bytes_of(result) == bytes_of(items)
    assert total(result) == len(bytes_of(items))


@given(ranges, ranges)
def test_what_both_have_is_within(wanted: list[ByteRange], there: list[ByteRange]) -> None:
    result = within(wanted, there)
    check_tidy(result)
    assert bytes_of(result) == bytes_of(wanted) & bytes_of(there)


@given(ranges, ranges)
def test_what_is_there_is_not_wanted_any_more(wanted: list[ByteRange], there: list[ByteRange]) -> None:
    result = without(wanted, there)
    check_tidy(result)
    assert bytes_of(result) == bytes_of(wanted) - bytes_of(there)


@given(ranges, st.integers(1, 9))
def test_pieces_are_the_same_bytes_and_none_is_too_large(items: list[ByteRange], largest: int) -> None:
    result = list(pieces(merged(items), largest))
    check_tidy(result)
    assert all(item.size <= largest for item in result)
    assert bytes_of(result) == bytes_of(items)
