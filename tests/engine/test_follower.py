"""What a stage refuses."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from exo_core.errors import WireError
from exo_core.requests import Sampling
from exo_core.testing.blocking_pair import MemoryBlockingLink, blocking_pair
from exo_engine.follower import Follower
from exo_engine.step_stream import StepHeader, decode_answer, encode_step
from exo_engine.steps import Generation, Open, Operation, Step, StepAnswer
from exo_engine.testing.arithmetic_stage import ArithmeticStage


class Tail:
    """The last stage of two, and what it answers."""

    def __init__(self) -> None:
        self.stage = ArithmeticStage(start=1, end=2, layers=2)
        ends: tuple[MemoryBlockingLink, MemoryBlockingLink] = blocking_pair()
        self.here, there = ends
        self.before, incoming = blocking_pair()
        self.follower = Follower(self.stage, incoming=incoming, onward=there)

    def say(self, n: int, number: int, operations: Sequence[Operation] = ()) -> StepAnswer | None:
        generation = Generation(placement_id="p", start=1, n=n)
        step = Step(generation=generation, number=number, operations=tuple(operations))
        self.follower.handle(b"".join(encode_step(StepHeader(step=step))))
        message = self.here.receive(0)
        return None if message is None else decode_answer(message)


def opening(sequence: int) -> Open:
    return Open(sequence=sequence, choice=0, sampling=Sampling(), prompt_ids=(1,))


def test_a_newer_generation_drops_what_was_there_and_an_older_one_is_refused() -> None:
    tail = Tail()
    tail.say(1, 1, [opening(1)])
    assert set(tail.stage.lengths()) == {1}
    answer = tail.say(2, 1, [opening(2)])
    assert answer is not None
    assert answer.generation.n == 2
    assert set(tail.stage.lengths()) == {2}
    assert tail.say(1, 2, [opening(3)]) is None
    assert set(tail.stage.lengths()) == {2}


def test_a_missing_step_breaks_the_stream() -> None:
    tail = Tail()
    tail.say(1, 1)
    with pytest.raises(WireError, match="step 3 came where step 2 was due"):
        tail.say(1, 3)


def test_after_a_failure_nothing_more_of_a_generation_is_executed() -> None:
    tail = Tail()
    tail.say(1, 1, [opening(1)])
    failed = tail.say(1, 2, [opening(1)])  # a second time
    assert failed is not None
    assert failed.error is not None
    assert "open already" in failed.error
    later = tail.say(1, 3, [opening(2)])
    assert later is not None
    assert later.error == failed.error
    assert tail.stage.lengths() == {}
    fresh = tail.say(2, 1, [opening(3)])
    assert fresh is not None
    assert fresh.error is None
