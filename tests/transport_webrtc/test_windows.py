"""So much is under way that the line is busy, and so little that nothing waits behind it for long."""

from __future__ import annotations

import heapq

import pytest

from exo_core.errors import WireError
from exo_transport_webrtc.fragments import FRAGMENT_BYTES
from exo_transport_webrtc.windows import (
    CREDIT_STEP_BYTES,
    LARGEST_BYTES,
    UNREAD_BYTES,
    ReceivingWindow,
    SendingWindow,
)


def over_a_line(bytes_per_s: float, way_s: float, *, seconds: float = 20.0) -> tuple[float, float]:
    """How busy a line is in the second half of that time, and how long a fragment waits on it at worst then."""
    window, receiver = SendingWindow(), ReceivingWindow()
    now, line_free_at, busy, worst = 0.0, 0.0, 0.0, 0.0
    events: list[tuple[float, int]] = []  # when, and how much is credited then; 0: a fragment arrives
    while now < seconds:
        while window.has_room:
            window.sent(FRAGMENT_BYTES, now)
            begins = max(now, line_free_at)
            line_free_at = begins + FRAGMENT_BYTES / bytes_per_s
            heapq.heappush(events, (line_free_at + way_s, 0))
            if now > seconds / 2:
                worst = max(worst, begins - now)
                busy += FRAGMENT_BYTES / bytes_per_s
        now, taken = heapq.heappop(events)
        if taken:
            window.credited(taken, now)
            continue
        receiver.arrived(FRAGMENT_BYTES)
        due = receiver.due()
        if due is not None:
            heapq.heappush(events, (now + way_s, due))
    return busy / (seconds / 2), worst


@pytest.mark.parametrize("megabits", [4, 20, 60])
@pytest.mark.parametrize("way_ms", [1, 20, 60])
def test_a_line_is_busy_and_its_queue_short(megabits: int, way_ms: int) -> None:
    busy, worst = over_a_line(megabits * 125_000, way_ms / 1000)
    assert worst < 0.1
    assert busy > (0.9 if megabits * way_ms <= 800 else 0.6)  # more may not be under way than 1 MiB


def test_nobody_reads_and_nothing_more_is_sent() -> None:
    window, receiver = SendingWindow(), ReceivingWindow()
    sent = 0
    for step in range(10_000):
        if not window.has_room:
            break
        window.sent(FRAGMENT_BYTES, step / 100)
        sent += FRAGMENT_BYTES
        receiver.arrived(FRAGMENT_BYTES)
        receiver.completed(FRAGMENT_BYTES)
        due = receiver.due()
        if due is not None:
            window.credited(due, step / 100 + 0.001)
    assert not window.has_room
    assert sent < UNREAD_BYTES + 64 * FRAGMENT_BYTES
    for _ in range(sent // FRAGMENT_BYTES):
        receiver.read(FRAGMENT_BYTES)
    assert receiver.due() == sent


def test_empty_messages_that_nobody_reads_are_not_taken_for_ever() -> None:
    receiver, sender = ReceivingWindow(), SendingWindow()
    waiting = 0
    while sender.has_room and waiting < 2 * LARGEST_BYTES:
        sender.sent(1, 0.0)
        receiver.arrived(1)
        receiver.completed(0)
        waiting += 1
        due = receiver.due()
        if due is not None:
            sender.credited(due, 0.0)
    assert waiting < LARGEST_BYTES
    for _ in range(waiting):
        receiver.read(0)
    assert receiver.due() == waiting, "once they are read, more may come"


def test_small_things_earn_no_credit_of_their_own() -> None:
    receiver = ReceivingWindow()
    receiver.arrived(CREDIT_STEP_BYTES - 1)
    assert receiver.due() is None
    receiver.arrived(1)
    assert receiver.due() == CREDIT_STEP_BYTES
    assert receiver.due() is None


def test_who_sends_on_without_credit_breaks_the_rules_and_the_largest_window_does_not() -> None:
    window, receiver = SendingWindow(), ReceivingWindow()
    window.size = LARGEST_BYTES
    receiver.completed(UNREAD_BYTES + 1)  # nobody reads: no credit
    while window.has_room:
        window.sent(FRAGMENT_BYTES, 0.0)
        receiver.arrived(FRAGMENT_BYTES)
    with pytest.raises(WireError, match="without credit"):
        _ = [receiver.arrived(FRAGMENT_BYTES) for _ in range(2)]


@pytest.mark.parametrize("taken", [-1, 101])
def test_a_credit_for_what_was_never_sent_is_an_error(taken: int) -> None:
    window = SendingWindow()
    window.sent(100, 0.0)
    with pytest.raises(WireError):
        window.credited(taken, 1.0)
