"""What a runner answers when memory is called in, by what is loaded, and when: never what may turn out untrue."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from exo_core.backends import Backend, Engine
from exo_core.runner.cache_answers import CacheAnswers
from exo_core.runner.messages import CachesTake


class Resizable:
    """An engine that takes less in a moment, and its backend."""

    engines_resize = True

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def resize_caches(self, kv_bytes: int, taken: Callable[[], None]) -> None:
        self.waiting.append(taken)


class Fixed:
    """One that keeps what it got."""


def answers() -> tuple[CacheAnswers, list[CachesTake]]:
    said: list[CachesTake] = []
    return CacheAnswers(1000, said.append), said


def test_an_engine_that_can_change_answers_when_its_caches_take_no_more() -> None:
    asked, said = answers()
    both = Resizable()
    asked.meet_backend(cast("Backend", both))
    asked.meet_engine(cast("Engine", both))
    asked.may_take(700)
    assert said == []
    both.waiting.pop()()
    assert said == [CachesTake(kv_bytes=700, can_change=True)]


def test_while_it_is_loaded_the_backend_says_whether_it_will() -> None:
    asked, said = answers()
    asked.may_take(700)
    assert said == [], "nobody knows yet"
    both = Resizable()
    asked.meet_backend(cast("Backend", both))
    asked.may_take(600)
    assert [taken.kv_bytes for taken in said] == [700, 600]
    assert all(taken.can_change for taken in said)
    asked.meet_engine(cast("Engine", both))
    both.waiting.pop()()
    assert said[-1] == CachesTake(kv_bytes=600, can_change=True)


def test_one_that_cannot_change_never_says_that_it_takes_less() -> None:
    asked, said = answers()
    asked.may_take(700)
    asked.meet_backend(cast("Backend", Fixed()))
    asked.may_take(600)
    asked.meet_engine(cast("Engine", Fixed()))
    asked.may_take(500)
    assert said == [CachesTake(kv_bytes=1000, can_change=False)] * 4


def test_nobody_is_told_before_anybody_asked_or_the_engine_is_there() -> None:
    asked, said = answers()
    asked.meet_backend(cast("Backend", Fixed()))
    assert said == []
    asked.meet_engine(cast("Engine", Fixed()))
    assert said == [CachesTake(kv_bytes=1000, can_change=False)]
