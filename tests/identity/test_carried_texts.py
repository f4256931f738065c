"""Texts that people carry survive what terminals, mail and people do to them, or are refused with a reason."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exo_core.errors import JoinError
from exo_core.identity.carried_texts import (
    CarriedOffer,
    answer_text,
    is_offer,
    is_whole,
    parse_answer,
    parse_offer,
)
from exo_core.identity.join_code import JoinCode
from exo_core.identity.secret import ClusterSecret

TERMINAL_LINE = 4095
"""More in one line, a terminal of Linux cuts."""

CODE = JoinCode.new(tickets=(), authority=ClusterSecret(bytes(32)).authority, expires_at=1_800_000_000)
OFFER = CarriedOffer(code=CODE, transport="webrtc", message=secrets.token_bytes(16_000))
ANSWER = secrets.token_bytes(1000)


@pytest.mark.parametrize("offer", [OFFER, CarriedOffer(code=CODE, transport="x", message=b"")])
def test_an_offer_comes_out_as_it_went_in(offer: CarriedOffer) -> None:
    assert parse_offer(str(offer)) == offer
    assert is_offer(str(offer))
    assert is_whole(str(offer))
    assert max(map(len, str(offer).split("\n"))) < TERMINAL_LINE


MANGLED: dict[str, Callable[[str], str]] = {
    "in one line": lambda text: text.replace("\n", ""),
    "quoted in a mail": lambda text: "".join(f"> {line}\r\n" for line in text.split("\n")),
    "in capitals": lambda text: "exo-answer-1" + text.removeprefix("exo-answer-1").upper(),
    "in a sentence": lambda text: f"bob, 10:31 - here it is: {text} Good luck!",
    "after a first try": lambda text: text[:100] + "\n" + text,
}


@pytest.mark.parametrize("mangled", MANGLED)
def test_what_happens_to_texts_on_their_way_does_no_harm(mangled: str) -> None:
    text = MANGLED[mangled](answer_text(ANSWER))
    assert is_whole(text)
    assert parse_answer(text) == ANSWER


@given(st.data())
def test_a_letter_that_is_changed_left_out_or_doubled_is_noticed(data: st.DataObject) -> None:
    text = answer_text(bytes(range(101))).replace("\n", "")  # so long that each bit of each letter counts
    at = data.draw(st.integers(len("exo-answer-1 "), len(text) - 2))
    instead = data.draw(st.sampled_from(["", text[at] * 2, *(letter for letter in "abcz27" if letter != text[at])]))
    with pytest.raises(JoinError, match=r"incomplete or mistyped"):
        _ = parse_answer(text[:at] + instead + text[at + 1 :])


REFUSED = {
    "": "this is not the answer that the other machine printed",
    "exo1abcdef": "this is not the answer",
    str(OFFER): "this is the offer",
    answer_text(ANSWER)[:-1]: "incomplete or mistyped",
    answer_text(ANSWER).replace("answer-1", "answer-2"): "of another version; update exo",
}


@pytest.mark.parametrize("text", REFUSED, ids=REFUSED.values())
def test_what_is_no_answer_is_said(text: str) -> None:
    with pytest.raises(JoinError, match=REFUSED[text]):
        _ = parse_answer(text)


def test_an_offer_without_all_its_parts_is_damaged() -> None:
    with pytest.raises(JoinError, match="incomplete or mistyped"):
        _ = parse_offer(answer_text(b"\0\x02ab\0\x02cd").replace("answer", "offer"))
    assert not is_whole(str(OFFER)[:-1])
