"""Whoever shouts is not listened to more than the others."""

from __future__ import annotations

from exo_discovery_zeroconf.candidates import MOST_CANDIDATES, PAUSE_S, REMINDER_S, Candidates


def test_each_is_looked_at_at_once_and_then_seldom() -> None:
    candidates = Candidates()
    assert candidates.announced("a", 0.0)
    assert not candidates.announced("a", PAUSE_S - 1)
    assert candidates.announced("b", PAUSE_S - 1)
    assert candidates.announced("a", PAUSE_S)


def test_to_leave_and_to_come_back_resets_nothing() -> None:
    candidates = Candidates()
    assert candidates.announced("a", 0.0)
    candidates.withdrawn("a")
    assert not candidates.announced("a", 1.0)


def test_so_many_are_kept_and_whoever_left_makes_room() -> None:
    candidates = Candidates()
    assert all(candidates.announced(f"n{number}", 0.0) for number in range(MOST_CANDIDATES))
    assert not candidates.announced("late", 100.0)
    candidates.withdrawn("n7")
    assert candidates.announced("late", 100.0)
    assert not candidates.announced("later", 100.0)


def test_who_stays_is_suggested_again_and_who_left_is_not() -> None:
    candidates = Candidates()
    for name in ("a", "b"):
        assert candidates.announced(name, 0.0)
    candidates.withdrawn("b")
    assert candidates.due(REMINDER_S - 1) == []
    assert candidates.due(REMINDER_S) == ["a"]
    assert candidates.due(REMINDER_S + 1) == []
