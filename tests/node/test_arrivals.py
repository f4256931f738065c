"""What people see of fetches: how far, how fast, and how they ended."""

from __future__ import annotations

import asyncio

import pytest

from exo_core.errors import ModelError
from exo_core.identifiers import ModelId
from exo_core.manifests import Manifest, ManifestFile
from exo_core.node.arrivals import Arrivals, Pace
from exo_core.sources import FetchProgress

MODEL = ModelId("org/name")
MANIFEST = Manifest(
    model_id=MODEL,
    source="loft",
    revision="1",
    files=(ManifestFile(path="a", size=60), ManifestFile(path="b", size=40)),
)


class Watch:
    """A clock that is set."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


def step(done: int) -> FetchProgress:
    return FetchProgress(done=done, total=100)


def end_by(problem: BaseException, arrivals: Arrivals) -> None:
    """A fetch of which 30 bytes came."""
    with arrivals.arriving(MANIFEST) as came:
        came(step(30))
        raise problem


def test_what_comes_is_shown_with_its_speed_and_what_came_is_not() -> None:
    clock, heard = Watch(), list[FetchProgress]()
    arrivals = Arrivals(clock)
    arrivals.expect(MANIFEST)
    (expected,) = arrivals.telemetry
    assert (expected.status, expected.done, expected.total) == ("downloading", 0, 100)
    with arrivals.watched(MODEL, heard.append), arrivals.arriving(MANIFEST) as came:
        for done in (50, 60, 70):
            came(step(done))
            clock.time += 1.0
        (shown,) = arrivals.telemetry
        assert (shown.done, shown.total) == (70, 100)
        assert shown.bytes_per_s == pytest.approx(20 / 3), "the first 50 were there before"
    assert arrivals.telemetry == ()
    assert heard == [step(50), step(60), step(70)]


def test_a_fetch_that_fails_is_shown_until_the_next_one() -> None:
    arrivals = Arrivals(Watch())
    with pytest.raises(ModelError):
        end_by(ModelError("the hub is closed"), arrivals)
    (failed,) = arrivals.telemetry
    assert (failed.status, failed.done, failed.detail) == ("failed", 30, "the hub is closed")
    with arrivals.arriving(MANIFEST):
        (again,) = arrivals.telemetry
        assert (again.status, again.detail) == ("downloading", "")
    assert arrivals.telemetry == ()


def test_a_fetch_that_breaks_does_not_go_on_for_ever() -> None:
    arrivals = Arrivals(Watch())
    with pytest.raises(KeyError):
        end_by(KeyError("weights"), arrivals)
    (failed,) = arrivals.telemetry
    assert (failed.status, failed.done, failed.detail) == ("failed", 30, "an error of the source; see: exo logs")
    assert not arrivals.is_arriving(MODEL)


def test_a_fetch_that_is_cancelled_keeps_how_far_it_was() -> None:
    arrivals = Arrivals(Watch())
    with pytest.raises(asyncio.CancelledError):
        end_by(asyncio.CancelledError(), arrivals)
    (cancelled,) = arrivals.telemetry
    assert (cancelled.status, cancelled.done, cancelled.bytes_per_s) == ("cancelled", 30, 0.0)


def test_giving_up_what_waits_leaves_what_runs() -> None:
    arrivals = Arrivals(Watch())
    arrivals.expect(MANIFEST)
    with arrivals.arriving(MANIFEST):
        arrivals.give_up(MANIFEST)
        assert [item.status for item in arrivals.telemetry] == ["downloading"]
    arrivals.expect(MANIFEST)
    arrivals.give_up(MANIFEST)
    assert [item.status for item in arrivals.telemetry] == ["cancelled"]


def test_the_speed_is_of_the_last_seconds_and_falls_while_nothing_comes() -> None:
    clock = Watch()
    pace = Pace(clock)
    assert pace.bytes_per_s == 0.0
    for second in range(20):
        clock.time = float(second)
        pace.came(10 * second if second < 10 else 90 + 100 * (second - 9))
    assert pace.bytes_per_s == pytest.approx(100.0)
    clock.time += 100.0
    assert pace.bytes_per_s < 10.0
