"""When is a node told that caches take no more than it said?"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from exo_engine.cache_limit import CacheLimit
from exo_engine.steps import Evict, Limit, Resized
from exo_engine.testing.arithmetic_stage import ArithmeticStage

STAGE = ArithmeticStage(start=0, end=1, layers=1)


@pytest.fixture
def told() -> list[int]:
    """The numbers that hold, in order."""
    return []


@pytest.fixture
def say(told: list[int]) -> Callable[[CacheLimit, int], None]:
    """As a node does."""
    return lambda limit, number: limit.say(number, lambda: told.append(number))


Say = Callable[[CacheLimit, int], None]


def running() -> CacheLimit:
    limit = CacheLimit()
    limit.begin()
    return limit


def test_when_the_step_was_executed_from_which_on_it_holds(told: list[int], say: Say) -> None:
    limit = running()
    say(limit, 50)
    assert limit.news(1) == (Resized(stage=1, cache_bytes=50),)
    assert limit.news(1) == ()
    for operations in ([], [Evict(snapshot=3)], [Limit(stage=0, cache_bytes=50)]):
        limit.executed(operations, 1)
    assert told == []
    limit.executed([Evict(snapshot=3), Limit(stage=1, cache_bytes=50)], 1)
    limit.executed([Limit(stage=1, cache_bytes=50)], 1)
    assert told == [50]


def test_a_later_number_takes_the_place_of_one_that_does_not_hold_yet(told: list[int], say: Say) -> None:
    limit = running()
    say(limit, 50)
    limit.news(0)
    say(limit, 40)
    limit.executed([Limit(stage=0, cache_bytes=50)], 0)
    assert told == []
    assert limit.news(0) == (Resized(stage=0, cache_bytes=40),)
    limit.executed([Limit(stage=0, cache_bytes=40)], 0)
    assert told == [40]


def test_at_once_while_there_is_no_ring(told: list[int], say: Say) -> None:
    limit = CacheLimit()
    say(limit, 50)
    assert told == [50]
    limit.begin()
    assert limit.report(STAGE).cache_bytes == 50
    assert limit.news(0) == ()
    say(limit, 40)
    assert told == [50]
    limit.end()
    assert told == [50, 40]
    limit.begin()
    assert limit.report(STAGE).cache_bytes == 40


def test_a_new_generation_hears_again_what_does_not_hold_yet(told: list[int], say: Say) -> None:
    """The one before was told, and had no time to make room."""
    limit = running()
    say(limit, 50)
    limit.news(0)
    assert limit.report(STAGE).cache_bytes == 50
    assert limit.news(0) == (Resized(stage=0, cache_bytes=50),)
    limit.executed([Limit(stage=0, cache_bytes=50)], 0)
    assert told == [50]
    limit.report(STAGE)
    assert limit.news(0) == ()
