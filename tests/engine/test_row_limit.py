"""Steps get smaller when they fail and grow again, the later the more often they failed."""

from __future__ import annotations

from exo_engine.row_limit import PATIENCE, UNLIMITED, RowLimit


def after(limit: RowLimit, steps: int, rows: int) -> int | None:
    for _ in range(steps):
        limit.went_well(rows)
    return limit.most


def test_nothing_is_limited_before_something_failed() -> None:
    assert after(RowLimit(), 10, 500) is None


def test_it_is_halved_and_doubles_as_steps_of_that_size_go_well() -> None:
    limit = RowLimit()
    limit.failed(100)
    assert limit.most == 50
    assert after(limit, PATIENCE - 1, 50) == 50
    assert after(limit, 1, 50) == 100
    assert after(limit, PATIENCE, 100) == 200
    assert after(limit, PATIENCE, 200) is None
    assert UNLIMITED <= 400


def test_smaller_steps_prove_nothing() -> None:
    limit = RowLimit()
    limit.failed(100)
    assert after(limit, 10 * PATIENCE, 49) == 50


def test_what_fails_again_is_tried_ever_later_but_always_again() -> None:
    """At 9 rows or more there is no memory, for ever: steps at the limit that go well between two failures."""
    limit = RowLimit()
    limit.failed(16)
    between: list[int] = []
    for _ in range(10):
        went_well = 0
        while limit.most == 8:
            limit.went_well(8)
            went_well += 1
        between.append(went_well)
        assert limit.most == 16
        limit.failed(16)
    assert between[:4] == [PATIENCE, 2 * PATIENCE, 4 * PATIENCE, 8 * PATIENCE]
    assert between[-1] == between[-2] == 64 * PATIENCE


def test_one_that_failed_alone_leaves_the_limit_as_it_was() -> None:
    limit = RowLimit()
    limit.failed(8)
    limit.one_was_to_blame()
    assert limit.most is None
    limit.failed(100)
    after(limit, 5, 50)
    limit.failed(50)
    assert limit.most == 25
    limit.one_was_to_blame()
    assert limit.most == 50
    assert after(limit, PATIENCE, 50) == 100


def test_two_failures_that_two_were_to_blame_for_leave_no_limit() -> None:
    limit = RowLimit()
    limit.failed(8)
    limit.failed(4)
    limit.one_was_to_blame()
    assert limit.most == 4
    limit.one_was_to_blame()
    assert limit.most is None
    limit.one_was_to_blame()
    assert limit.most is None


def test_a_failure_after_which_more_went_well_is_nobodys() -> None:
    limit = RowLimit()
    limit.failed(100)
    assert after(limit, PATIENCE, 50) == 100
    limit.one_was_to_blame()
    assert limit.most == 100
