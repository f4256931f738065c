"""The rules of replay, without a cluster: what ends a request, where the next attempt goes, when one has stalled."""

from __future__ import annotations

from collections import Counter

import pytest

from exo_core.gateway.replaying import (
    CROWDED_BY,
    LONGEST_PAUSE_S,
    best_instance,
    is_replayable,
    next_request,
    pause_before,
)
from exo_core.gateway.standstill import LONGEST_STANDSTILL_S, SHORTEST_STALL_S, Pace, Standstill
from exo_core.identifiers import InstanceId, RequestId
from exo_core.requests import (
    Accepted,
    Answer,
    Chunk,
    Embed,
    Failed,
    Generate,
    Progress,
    Refused,
    Sampling,
    TextPrompt,
)

A, B, C = InstanceId("a"), InstanceId("b"), InstanceId("c")
ACCEPTED = Accepted(prompt_ids=(1,))
QUEUED = Progress(phase="queued", done=0, total=1)
PREFILLED = Progress(phase="prefill", done=1, total=2)
TOKEN = Chunk(index=0, token_id=1, text_from=0, text="x")


@pytest.mark.parametrize(
    "code", ["instance_lost", "stalled", "fenced", "not_ready", "stopping", "queue_full", "unloaded"]
)
def test_the_loss_of_what_serves_a_request_does_not_end_it(code: str) -> None:
    assert is_replayable(Failed(code=code, message=""))
    assert is_replayable(Refused(status=503, code=code, message=""))


@pytest.mark.parametrize(
    "answer",
    [
        Refused(status=400, code="context_length_exceeded", message=""),
        Refused(status=501, code="not_there_yet", message=""),
        Failed(code="engine_error", message=""),
        TOKEN,
        ACCEPTED,
    ],
)
def test_what_is_the_requests_own_fault_ends_it(answer: Answer) -> None:
    assert not is_replayable(answer)


def test_the_next_attempt_goes_where_least_failed_and_then_where_least_is_in_flight() -> None:
    assert best_instance([A, B, C], Counter({A: 1}), Counter({B: 2, C: 1})) == C
    assert best_instance([A, B], Counter({A: 1, B: 2}), Counter({A: 9})) == A
    assert best_instance([A], Counter({A: 7}), Counter()) == A, "there is no other"
    assert best_instance([], Counter(), Counter()) is None


def test_among_equals_the_prompts_beginning_counts_more_than_the_queue() -> None:
    assert best_instance([A, B, C], Counter(), Counter({B: 5, C: 1}), {B: 3, C: 2}) == B
    assert best_instance([A, B, C], Counter(), Counter({A: 1, B: 5}), {A: 2, B: 2}) == A
    assert best_instance([A, B], Counter({B: 1}), Counter(), {B: 9}) == A, "it has just failed"
    assert best_instance([A, B], Counter(), Counter({A: 3, B: 3 + CROWDED_BY}), {B: 9}) == A, "it is crowded"
    assert best_instance([A, B], Counter(), Counter({A: 3, B: 2 + CROWDED_BY}), {B: 9}) == B


def test_only_an_instance_that_has_just_failed_is_given_time() -> None:
    assert pause_before(0) == 0
    pauses = [pause_before(failures) for failures in range(1, 2000)]
    assert pauses == sorted(pauses)
    assert 0 < pauses[0] < pauses[-1] == LONGEST_PAUSE_S


def test_a_replay_differs_in_its_attempt_and_in_what_was_delivered_only() -> None:
    asked = Generate(request_id=RequestId("r"), prompt=TextPrompt(text="x"), sampling=Sampling(seed=9), choices=2)
    again = next_request(asked, 1, ((5, 6), ()))
    assert again == asked.model_copy(update={"attempt": 1, "delivered": ((5, 6), ())})
    vectors = Embed(request_id=RequestId("e"), prompts=(TextPrompt(text="x"),))
    assert next_request(vectors, 2, ((),)) == vectors.model_copy(update={"attempt": 2})


def test_an_attempt_has_stalled_after_twenty_usual_intervals_but_not_before_ten_seconds() -> None:
    for interval, patience in ((0.1, SHORTEST_STALL_S), (2.0, 40.0)):
        pace = Pace(0.0)
        for number, answer in enumerate([ACCEPTED, PREFILLED, TOKEN, TOKEN, TOKEN]):
            pace.saw(answer, number * interval)
        assert pace.stalled_at == pytest.approx(4 * interval + patience)


def test_nothing_is_usual_before_the_first_interval_of_work() -> None:
    pace = Pace(0.0)
    assert pace.stalled_at == LONGEST_STANDSTILL_S
    pace.saw(ACCEPTED, 1.0)
    for second in range(2, 50):
        pace.saw(QUEUED, float(second))
    assert pace.stalled_at == 49 + LONGEST_STANDSTILL_S, "how long one waits says nothing of how long a step takes"
    pace.saw(PREFILLED, 79.0)
    assert pace.stalled_at == 79 + LONGEST_STANDSTILL_S
    pace.saw(TOKEN, 79.5)
    assert pace.stalled_at == 79.5 + SHORTEST_STALL_S


def test_the_usual_interval_follows_the_request() -> None:
    pace, now = Pace(0.0), 0.0
    for interval in [0.1] * 20 + [3.0] * 40:
        now += interval
        pace.saw(TOKEN, now)
    assert pace.stalled_at - now == pytest.approx(60, rel=0.05)


def test_a_standstill_begins_anew_with_every_progress() -> None:
    standstill = Standstill(5.0)
    assert standstill.deadline == 5.0 + LONGEST_STANDSTILL_S
    standstill.moved(50.0)
    assert standstill.deadline == 50.0 + LONGEST_STANDSTILL_S
