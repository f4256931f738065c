"""When a runner is taken to hang: the rules, without processes."""

from __future__ import annotations

import pytest

from exo_core.identifiers import Epoch, RequestId
from exo_core.requests import Answer, Chunk, EngineRequest, Generate, TextPrompt
from exo_core.runner.calls import EngineCalls
from exo_core.runner.crashes import CRASH_WINDOW_S, CrashCounter
from exo_core.runner.engine_watch import Doing, EngineWatch, Hang
from exo_core.runner.messages import Submit
from exo_core.runner.patience import Patience
from exo_core.runner.process_watch import ProcessWatch

PATIENCE = Patience(process_loading=60, process=10, load=50, warm_up=40, prefill=30, decode=20, leave_ring=70)
NONE, ONE, TWO = frozenset[int](), frozenset({1}), frozenset({1, 2})


def watch(*told: tuple[Doing, float]) -> EngineWatch:
    """An engine that did these things at these moments."""
    watching = EngineWatch(PATIENCE, 0.0)
    for doing, at in told:
        watching.does(doing, at)
    return watching


@pytest.mark.parametrize(("doing", "given"), [("loading", 50), ("warming_up", 40), ("leaving", 70)])
def test_an_engine_hangs_when_its_time_is_over(doing: Doing, given: float) -> None:
    watching = watch((doing, 5.0))
    assert watching.look(5.0 + given - 0.1, NONE) is None
    hang = watching.look(5.0 + given, NONE)
    assert isinstance(hang, Hang)
    assert (hang.seconds, hang.elsewhere) == (given, False)
    assert f"{given} s" in hang.detail


def test_every_progress_of_a_load_gives_it_time_anew() -> None:
    watching = watch(("loading", 49.0), ("loading", 98.0))
    assert watching.look(147.0, NONE) is None
    assert watching.look(148.0, NONE) is not None


def test_who_waits_for_neighbours_or_requests_may_wait_for_ever() -> None:
    assert watch(("waiting", 0.0)).look(1e6, NONE) is None
    serving = watch(("serving", 0.0))
    assert serving.look(1e6, NONE) is None
    assert serving.look(1e6 + 1, ONE) is None, "the first request came a moment ago"


def test_requests_that_make_no_progress_may_do_so_for_another_stage() -> None:
    prefilling, decoding = watch(("serving", 0.0)), watch(("serving", 0.0))
    decoding.answered(1, token=True, now=0.0)
    for watching, given in ((prefilling, 30), (decoding, 20)):
        assert watching.look(given - 0.1, ONE) is None
        hang = watching.look(given, ONE)
        assert hang is not None
        assert hang.elsewhere
    assert decoding.look(29.9, TWO) is None, "one of two has no token yet"


def test_slow_engines_are_given_twenty_of_their_intervals() -> None:
    watching = watch(("serving", 0.0))
    for second in range(0, 100, 5):
        watching.answered(1, token=True, now=float(second))
    assert watching.look(95.0 + 99.9, ONE) is None
    assert watching.look(95.0 + 100.0, ONE) is not None


def test_who_was_held_up_itself_forgives() -> None:
    watching = watch(("warming_up", 0.0))
    watching.forgive(100.0)
    assert watching.look(139.9, NONE) is None
    process = ProcessWatch(PATIENCE, 0.0)
    process.forgive(100.0)
    assert process.silent_for(109.9, loads=False) is None


def test_a_process_that_loads_may_be_silent_for_longer() -> None:
    process = ProcessWatch(PATIENCE, 0.0)
    process.heard(5.0)
    assert process.silent_for(14.9, loads=False) is None
    assert process.silent_for(15.0, loads=False) == 10
    assert process.silent_for(15.0, loads=True) is None
    assert process.silent_for(65.0, loads=True) == 60


def test_three_hangs_in_a_row_are_as_bad_as_three_crashes() -> None:
    hangs, now = CrashCounter(), 0.0
    found = list[str | None]()
    for _ in range(3):
        now += CRASH_WINDOW_S + 1
        found.append(hangs.crashed(now, waited=CRASH_WINDOW_S))
    assert found == [None, None, "3 times within a minute"]
    rare = CrashCounter()
    for times in range(10):
        assert rare.crashed(40.0 * times, waited=1.0) is None
        rare.was_ready()


class DeafEngine:
    """Takes requests and says nothing."""

    def __init__(self) -> None:
        self.cancelled: list[RequestId] = []

    def submit(self, request: EngineRequest, answer: object) -> None:
        """Take it."""
        self.answer = answer

    def cancel(self, request_id: RequestId) -> None:
        """Note it."""
        self.cancelled.append(request_id)

    def run(self, ring: object) -> None:
        """Not here."""

    def stop(self) -> None:
        """Not here."""


def submit(call: int) -> Submit:
    request = Generate(request_id=RequestId("r"), prompt=TextPrompt(text="x"))
    return Submit(epoch=Epoch(), call=call, request=request)


def test_a_call_that_nobody_waits_for_stays_open_until_the_engine_ends_it() -> None:
    """Else an engine that hangs would look idle as soon as its clients have gone elsewhere."""
    engine, told = DeafEngine(), list[Answer]()
    calls = EngineCalls(lambda _, answer: told.append(answer))
    calls.submit(engine, submit(1))
    first = engine.answer
    calls.cancel(1)
    assert engine.cancelled == ["r"]
    assert calls.open == {1}
    calls.submit(engine, submit(2))
    calls.cancel(1)
    assert engine.cancelled == ["r"], "the request has a later call, which goes on"
    assert callable(first)
    first(Chunk(index=0, token_id=0, text_from=0, text="", finish="cancelled"))
    assert calls.open == {2}
