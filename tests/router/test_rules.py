"""The rules by which a router decides, one by one and without any link."""

from __future__ import annotations

import pytest

from exo_core.errors import WireError
from exo_core.identifiers import NodeId
from exo_core.router.address_book import AddressBook
from exo_core.router.backoff import Backoff
from exo_core.router.credit import FRAME_COST, RELAY_WINDOW, WINDOW, ReceiveCredit, SendCredit, cost
from exo_core.testing.seeded_rng import SeededRng
from exo_core.transports import Ticket
from exo_core.wire.frames import DATA, FRAME_BYTES, Frame

A, B = NodeId("a"), NodeId("b")


def test_addresses_are_tried_by_transport_and_then_as_the_node_told_them() -> None:
    book = AddressBook(["webrtc", "tcp"])
    book.found(A, Ticket("tcp://typed"))
    book.told(A, map(Ticket, ["tcp://thunderbolt", "tcp://ethernet", "pigeon://roof", "webrtc://room"]))
    assert book.tickets(A) == ["webrtc://room", "tcp://thunderbolt", "tcp://ethernet", "tcp://typed"]
    book.told(A, map(Ticket, ["tcp://ethernet"]))
    assert book.tickets(A) == ["tcp://ethernet", "tcp://typed"]
    assert book.tickets(B) == []


def test_an_address_belongs_to_whom_it_led_to_last() -> None:
    book = AddressBook(["tcp"])
    typed = Ticket("tcp://typed")
    book.found(A, typed)
    book.found(B, typed)
    assert (book.tickets(A), book.tickets(B), book.owner(typed)) == ([], [typed], B)
    book.lost(B, typed)
    assert book.owner(typed) is None
    book.told(A, [typed])
    book.lost(A, typed)
    assert book.tickets(A) == []


def test_attempts_begin_at_once_and_grow_rare() -> None:
    backoff = Backoff(SeededRng(1), first=0.25, most=10.0)
    delays = [backoff.next() for _ in range(12)]
    assert delays[0] == 0.0
    for attempt, delay in enumerate(delays[1:]):
        ceiling = min(10.0, 0.25 * 2**attempt)
        assert ceiling / 2 <= delay <= ceiling
    backoff.reset()
    assert backoff.next() == 0.0
    backoff.reset(at_once=False)
    assert 0.125 <= backoff.next() <= 0.25


def test_attempts_of_two_nodes_do_not_keep_step() -> None:
    first, second = (Backoff(SeededRng(seed), first=0.25, most=10.0) for seed in (1, 2))
    assert [first.next() for _ in range(5)] != [second.next() for _ in range(5)]


def test_a_writer_spends_its_window_and_no_more() -> None:
    credit = SendCredit()
    frame = Frame(DATA, 1, bytes(FRAME_BYTES))
    sent = 0
    while credit.spend(cost(frame)):
        sent += 1
    assert sent == WINDOW // (FRAME_BYTES + FRAME_COST)
    credit.grant(cost(frame))
    assert credit.spend(cost(frame))
    with pytest.raises(WireError):
        credit.grant(WINDOW + 1)


def test_a_reader_grants_what_was_read_once_it_is_worth_a_frame() -> None:
    credit = ReceiveCredit()
    worth = WINDOW // 4
    credit.arrived(worth)
    assert credit.free(worth - 1) == 0
    assert credit.free(1) == worth
    credit.arrived(WINDOW)
    with pytest.raises(WireError):
        credit.arrived(1)


@pytest.mark.parametrize("window", [WINDOW, RELAY_WINDOW])
def test_no_sequence_of_reads_can_starve_a_writer(window: int) -> None:
    """Whatever has been read and not yet granted, the largest frame fits once all was read."""
    assert window - window // 4 >= FRAME_BYTES + FRAME_COST


def test_what_is_better_than_the_live_address_goes_by_what_the_node_told() -> None:
    book, node = AddressBook(["tcp"]), NodeId("b")
    cable, radio, other = (Ticket(f"tcp://{name}:1") for name in ("cable", "radio", "other"))
    book.told(node, [cable, radio])
    book.found(node, other)
    assert book.better(node, [cable]) == []
    assert book.better(node, [Ticket("tcp://name:1"), radio]) == [cable]
    assert book.better(node, [other]) == [], "nobody knows how good that is"
    assert book.better(node, ()) == [cable, radio, other], "anything is better than a relay"
