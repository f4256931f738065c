"""Each token reaches the client exactly once, whatever attempts overlap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exo_core.gateway.delivery import Delivery
from exo_core.requests import Chunk, Piece


def chunk(index: int, text: str, *, text_from: int, attempt: int = 0, finish: bool = False) -> Chunk:
    """One token of choice 0."""
    return Chunk(
        index=index,
        token_id=100 + index,
        text=text,
        text_from=text_from,
        attempt=attempt,
        finish="stop" if finish else None,
    )


def call(name: str, arguments: str, *, text_from: int, number: int = 0) -> Piece:
    """The beginning of a call of a tool."""
    return Piece(channel="tool", call=number, name=name, text=arguments, text_from=text_from)


def test_chunks_in_order_pass_unchanged() -> None:
    delivery = Delivery(1)
    first, second = chunk(0, "ab", text_from=0), chunk(1, "c", text_from=2, finish=True)
    assert delivery.admit(first) == first
    assert delivery.admit(second) == second
    assert delivery.finished
    assert delivery.delivered == ((100, 101),)


def test_a_replayed_index_and_an_old_attempt_are_dropped() -> None:
    delivery = Delivery(1)
    delivery.admit(chunk(0, "ab", text_from=0))
    assert delivery.admit(chunk(0, "ab", text_from=0)) is None
    delivery.next_attempt()
    assert delivery.admit(chunk(1, "c", text_from=2)) is None
    assert delivery.admit(chunk(1, "c", text_from=2, attempt=1)) is not None


def test_text_that_the_client_has_is_cut_off() -> None:
    delivery = Delivery(1)
    delivery.admit(chunk(0, "abc", text_from=0))
    delivery.next_attempt()
    admitted = delivery.admit(chunk(1, "bcd", text_from=1, attempt=1))
    assert admitted is not None
    assert (admitted.text_from, admitted.text) == (3, "d")


def test_a_gap_is_an_error() -> None:
    with pytest.raises(ValueError, match="token 0 of choice 0 is missing"):
        Delivery(1).admit(chunk(1, "x", text_from=0))


@given(st.lists(st.text(min_size=0, max_size=3), min_size=1, max_size=20), st.integers(0, 20))
def test_the_text_is_whole_however_late_a_second_attempt_takes_over(pieces: list[str], cut: int) -> None:
    starts = [sum(map(len, pieces[:index])) for index in range(len(pieces))]
    delivery, text = Delivery(1), ""
    for attempt, indices in ((0, range(min(cut, len(pieces)))), (1, range(len(pieces)))):
        if attempt:
            delivery.next_attempt()
        for index in indices:
            admitted = delivery.admit(chunk(index, pieces[index], text_from=starts[index], attempt=attempt))
            text += admitted.text if admitted else ""
    assert text == "".join(pieces)


def test_every_piece_of_a_token_counts_by_itself() -> None:
    """A token may end the text and begin a call; what an attempt said of either, the next one need not say again."""
    delivery = Delivery(1)
    said = chunk(0, "Well", text_from=0).model_copy(update={"more": (call("f", '{"a":', text_from=0),)})
    assert delivery.admit(said) == said
    delivery.next_attempt()
    again = chunk(1, "Well.", text_from=0, attempt=1).model_copy(update={"more": (call("f", '{"a": 1}', text_from=0),)})
    admitted = delivery.admit(again)
    assert admitted is not None
    shown = [(piece.channel, piece.name, piece.text_from, piece.text) for piece in admitted.pieces]
    assert shown == [("content", None, 4, "."), ("tool", None, 5, " 1}")]


def test_each_call_has_its_own_text() -> None:
    delivery = Delivery(1)
    calls = (call("f", "{}", text_from=0), call("g", "{}", text_from=0, number=1))
    both = chunk(0, "", text_from=0).model_copy(update={"more": calls})
    assert delivery.admit(both) == both
