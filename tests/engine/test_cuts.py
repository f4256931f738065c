"""How a stage's hidden states reach the next one: what is offered, measured and chosen, and what is sent then."""

from __future__ import annotations

import threading
import time
from typing import final

import numpy as np
import pytest

from exo_core.errors import LinkClosed, WireError
from exo_core.testing.blocking_pair import MemoryBlockingLink, blocking_pair
from exo_core.transports import Buffer, Peer
from exo_engine.codec_choice import UNMEASURED_S
from exo_engine.codecs import CODECS, CodecName, decode
from exo_engine.cut import Cut
from exo_engine.follower import Follower
from exo_engine.link_talk import Receipt, decode_receipt, encode_probe, encode_receipt, is_offer, probe_number
from exo_engine.packing import pack
from exo_engine.sending import SMALL, Sending
from exo_engine.stage import Activation
from exo_engine.step_stream import StepHeader, StepMessage, decode_step
from exo_engine.steps import Forward, Generation, Operation, Row, StageReport, Step
from exo_engine.testing.arithmetic_stage import ArithmeticStage

SECOND_PER_THOUSAND = StageReport(chunk_seconds=((500, 1.0), (1000, 1.0)))
WIDTH = 64


@final
class ThinLink:
    """One end of a link that takes its time, by a clock of its own. `gate`: sending waits until it is open."""

    def __init__(self, link: MemoryBlockingLink, bytes_per_s: float) -> None:
        self._link = link
        self.bytes_per_s = bytes_per_s
        self.gate = threading.Event()
        self.gate.set()
        self._now = 0.0

    def clock(self) -> float:
        """Seconds that it was busy."""
        return self._now

    @property
    def peer(self) -> Peer:
        """Who is behind it."""
        return self._link.peer

    @property
    def address(self) -> str:
        """Where that is."""
        return self._link.address

    def send(self, *parts: Buffer) -> None:
        """Send one message."""
        assert self.gate.wait(20)
        self._now += sum(map(len, parts)) / self.bytes_per_s
        self._link.send(*parts)

    def receive(self, timeout: float | None = None) -> Buffer | None:
        """The next message; those need no time."""
        return self._link.receive(timeout)

    def close(self) -> None:
        """Close it."""
        self._link.close()


def cut_over(link: ThinLink, told: StageReport = SECOND_PER_THOUSAND, *, may_offer: bool = True) -> Cut:
    """Behind a stage that says so of itself."""
    return Cut(link, stage(told), may_offer=may_offer, clock=link.clock)


def step(number: int, *operations: Operation) -> StepHeader:
    return StepHeader(
        step=Step(generation=Generation(placement_id="p", start=1, n=1), number=number, operations=operations)
    )


def forward(counts: list[int], *exact: int) -> Forward:
    rows = tuple(Row(sequence=at, position=0, count=count) for at, count in enumerate(counts))
    return Forward(rows=rows, exact=exact)


def states(tokens: int) -> Activation:
    values = np.sin(np.arange(tokens * WIDTH, dtype=np.float32))
    return Activation("F32", (tokens, WIDTH), values.tobytes())


def stage(told: StageReport = SECOND_PER_THOUSAND) -> ArithmeticStage:
    return ArithmeticStage(start=0, end=1, layers=3, told=told)


@final
class NextStage:
    """A thread that answers as a `Follower` does and executes nothing. `received` are the steps it was sent."""

    def __init__(self, link: MemoryBlockingLink, knows: tuple[str, ...] | None = CODECS) -> None:
        """`knows` None: it is of a version without codecs, and says nothing."""
        self.received: list[StepMessage] = []
        self.probes = 0
        self._link = link
        self._knows = knows
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> NextStage:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._link.close()
        self._thread.join()

    def wait_for(self, number: int) -> list[StepMessage]:
        """So many steps with activations, once they are there."""
        deadline = time.monotonic() + 20
        while len(with_states := [each for each in self.received if each.header.step.number > 1]) < number:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        return with_states

    def _work(self) -> None:
        try:
            while True:
                self._take(bytes(self._link.receive() or b""))
        except LinkClosed:
            pass

    def _take(self, message: bytes) -> None:
        number = probe_number(message)
        if number is not None:
            assert self._knows is not None, "a probe is no step"
            self.probes += 1
            self._link.send(encode_receipt(Receipt(probe=number)))
            return
        self.received.append(decode_step(message))
        if self._knows is not None and is_offer(self.received[-1].header.activation):
            self._link.send(encode_receipt(Receipt(codecs=self._knows)))


def codecs_of(messages: list[StepMessage]) -> list[str | None]:
    return [each.header.activation.codec if each.header.activation else None for each in messages]


def warm(cut: Cut, *tokens: int) -> None:
    """The first step of a ring, and one with each of these numbers of tokens."""
    cut.send(step(1), None)
    for number, count in enumerate(tokens, start=2):
        cut.send(step(number, forward([count])), states(count))


# the talk --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("bytes_per_s", "codec"), [(1e12, "exact"), (225e3, "float16"), (80e3, "int8")])
def test_a_link_is_measured_and_gets_its_codec(bytes_per_s: float, codec: CodecName) -> None:
    here, there = blocking_pair()
    with NextStage(there) as following:
        cut = cut_over(ThinLink(here, bytes_per_s))
        warm(cut, 1, 3)
        assert codecs_of(following.wait_for(2)) == [codec, codec]
        assert cut.remark.startswith(f"sends {codec} hidden states: the next stage is reached at ")
        cut.close()


def test_a_stage_of_an_older_version_gets_exact_states_and_no_probe() -> None:
    here, there = blocking_pair()
    with NextStage(there, knows=None) as following:
        cut = cut_over(ThinLink(here, 100e3))
        warm(cut, 1)
        cut.send(step(3, forward([1, 1], 1)), states(2))
        first, second = following.wait_for(2)
    assert codecs_of([first, second]) == ["exact", "exact"]
    assert b"exact" not in pack(Forward(rows=()).model_dump())
    assert second.header.step.operations == (forward([1, 1]),)
    assert "did not say" in cut.remark


def test_a_codec_that_the_next_stage_does_not_know_is_not_sent() -> None:
    here, there = blocking_pair()
    with NextStage(there, knows=("exact", "float16")) as following:
        warm(cut_over(ThinLink(here, 100e3)), 1)
        assert codecs_of(following.wait_for(1)) == ["exact"]


def test_a_stage_that_was_offered_nothing_offers_nothing() -> None:
    here, there = blocking_pair()
    with NextStage(there) as following:
        warm(cut_over(ThinLink(here, 100e3), may_offer=False), 1)
        assert codecs_of(following.wait_for(1)) == ["exact"]
    assert codecs_of(following.received) == [None, "exact"]


def test_it_is_measured_once_for_a_ring_and_offered_once() -> None:
    here, there = blocking_pair()
    with NextStage(there) as following:
        cut = cut_over(ThinLink(here, 100e3))
        warm(cut, 1)
        following.wait_for(1)
        probes = following.probes
        warm(cut, 1)
        assert codecs_of(following.wait_for(2)) == ["int8", "int8"]
        assert following.probes == probes > 0
        assert codecs_of(following.received) == ["offer", "int8", None, "int8"]


def test_rows_that_ask_for_it_travel_exactly_beside_others() -> None:
    here, there = blocking_pair()
    with NextStage(there) as following:
        cut = cut_over(ThinLink(here, 100e3))
        warm(cut, 1)
        cut.send(step(3, forward([2, 3, 1], 1)), sent := states(6))
        cut.send(step(4, forward([2, 1], 0, 1)), states(3))
        _, mixed, whole = following.wait_for(3)
    assert codecs_of([mixed, whole]) == ["int8", "exact"]
    assert mixed.activation is not None
    got = np.frombuffer(decode("int8", mixed.activation).data, np.float32).reshape(6, WIDTH)
    same = [
        bool((row == own).all())
        for row, own in zip(got, np.frombuffer(sent.data, np.float32).reshape(6, WIDTH), strict=True)
    ]
    assert same == [False, False, True, True, True, False]


def test_a_fixed_codec_is_used_whatever_was_measured() -> None:
    here, there = blocking_pair()
    with NextStage(there) as following:
        warm(Cut(here, stage(), may_offer=True, fixed="int8"), 1)
        assert codecs_of(following.wait_for(1)) == ["int8"]


def test_what_is_no_receipt_breaks_the_ring() -> None:
    here, there = blocking_pair()
    there.send(b"\xc1")
    with pytest.raises(WireError, match="no receipt"):
        warm(Cut(here, stage(), may_offer=True), 1)


@pytest.mark.parametrize(("later", "codec"), [(2.5e6, "exact"), (0.5e6, "int8")])
def test_a_link_that_carries_less_once_stages_compute_gets_a_coarser_codec(later: float, codec: CodecName) -> None:
    """A stage needs 0.1 ms for a token, and the link first 0.03 ms for a row, then 0.1, or 0.5."""
    here, there = blocking_pair()
    with NextStage(there) as following:
        link = ThinLink(here, 10e6)
        cut = cut_over(link, StageReport(chunk_seconds=((1000, 0.1),)))
        warm(cut, 1)
        link.bytes_per_s = later
        for number in range(3, 10):
            cut.send(step(number, forward([200])), states(200))
            following.wait_for(number - 1)
        *first, _, last = codecs_of(following.wait_for(8))
        assert (first, last) == (["exact"] * 6, codec)
        cut.close()


# a follower's part -------------------------------------------------------------------------------------------------


def test_a_middle_stage_says_what_it_knows_and_offers_in_turn() -> None:
    here, incoming = blocking_pair()
    onward, there = blocking_pair()
    middle = ArithmeticStage(start=1, end=2, layers=3)
    follower = Follower(middle, incoming=incoming, onward=Cut(onward, middle, may_offer=False))
    Cut(here, stage(), may_offer=True).send(step(1), None)
    follower.handle(incoming.receive(1) or b"")
    receipt = decode_receipt(here.receive(1) or b"")
    assert (receipt.codecs, receipt.token_seconds) == (CODECS, UNMEASURED_S)
    assert is_offer(decode_step(there.receive(1) or b"").header.activation)
    follower.handle(b"".join(encode_probe(7, 10)))
    assert decode_receipt(here.receive(1) or b"").probe == 7


# sending beside computing -------------------------------------------------------------------------------------------


def test_large_messages_do_not_hold_up_their_sender_and_keep_their_order() -> None:
    here, there = blocking_pair()
    link = ThinLink(here, 1e6)
    link.gate.clear()
    sending = Sending(link)
    space = bytearray(2 * SMALL)
    for number in (1, 2, 3):
        space[0] = number
        sending.send(memoryview(space))
    sending.send(b"\4")
    assert there.receive(0) is None, "all were handed over before the first was sent"
    link.gate.set()
    assert [(there.receive(20) or b"")[0] for _ in range(4)] == [1, 2, 3, 4]
    sending.close()


def send_until_it_fails(sending: Sending) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        sending.send(bytes(2 * SMALL))
        time.sleep(0.001)


def test_a_dead_link_is_told_to_the_sender() -> None:
    here, _ = blocking_pair()
    sending = Sending(here)
    here.close()
    with pytest.raises(LinkClosed):
        send_until_it_fails(sending)


def test_chunks_of_a_prompt_are_computed_while_earlier_ones_are_sent() -> None:
    here, there = blocking_pair()
    with NextStage(there) as following:
        link = ThinLink(here, 1e6)
        cut = cut_over(link)
        warm(cut, 1)
        following.wait_for(1)
        link.gate.clear()
        for number in (3, 4, 5):
            cut.send(step(number, forward([400])), states(400))
        assert len(following.received) == 2, "the stage goes on, though none of the three is sent"
        link.gate.set()
        assert [each.header.step.number for each in following.wait_for(4)] == [2, 3, 4, 5]
        cut.close()
