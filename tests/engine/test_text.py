"""Stop strings and the text of a choice, without any model."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exo_core.identifiers import RequestId
from exo_core.requests import Generate, Sampling, TextPrompt
from exo_engine.answers.reading import Reading
from exo_engine.choice_text import ChoiceText
from exo_engine.steps import Drawn
from exo_engine.stop_strings import Cut, cut_at_stop
from exo_engine.testing.byte_tokenizer import ByteTokenizer


def test_a_stop_string_is_cut_and_a_possible_one_is_held() -> None:
    assert cut_at_stop("one two three", ["two"]) == Cut("one ", met="two", after=" three")
    assert cut_at_stop("one tw", ["two"]) == Cut("one ", "tw")
    assert cut_at_stop("one t", ["two", "e tea"]) == Cut("on", "e t")
    assert cut_at_stop("abab", ["abc"]) == Cut("ab", "ab")
    assert cut_at_stop("one", []) == Cut("one")
    assert cut_at_stop("b then a", ["a", "b"]) == Cut("", met="b", after=" then a")
    assert cut_at_stop("<a><b>", ["<a>", "<a><b>"]) == Cut("", met="<a><b>")


def spoken(text: bytes, stops: tuple[str, ...]) -> tuple[str, str | None]:
    request = Generate(
        request_id=RequestId("r"), prompt=TextPrompt(text="x"), stop=stops, sampling=Sampling(temperature=0)
    )
    choice = ChoiceText(
        request, choice=0, limit=len(text), tokenizer=ByteTokenizer(), reader=Reading().reader(is_held=False)
    )
    whole, finish = "", None
    for byte in text:
        chunk = choice.add(Drawn(sequence=1, token_id=byte))
        assert chunk.text_from == len(whole)
        whole, finish = whole + chunk.text, chunk.finish
        if finish is not None:
            break
    return whole, finish


@given(st.text(alphabet="abé€", min_size=1, max_size=30), st.lists(st.text(alphabet="abé€", min_size=1), max_size=3))
def test_streamed_text_is_the_text_before_the_first_stop_string(text: str, stops: list[str]) -> None:
    ends = [text.index(stop) + len(stop) for stop in stops if stop in text]
    whole, finish = spoken(text.encode(), tuple(stops))
    if not ends:
        assert (whole, finish) == (text, "length")
        return
    heard = text[: min(ends)]
    assert whole == heard[: min(heard.index(stop) for stop in stops if stop in heard)]
    assert finish == "stop"


def test_an_incomplete_character_waits_and_ends_as_a_replacement() -> None:
    assert spoken("a€".encode(), ()) == ("a€", "length")
    assert spoken("a€".encode()[:-1], ()) == ("a\ufffd", "length")


def test_held_text_is_released_at_the_end() -> None:
    assert spoken(b"say EN", ("END",)) == ("say EN", "length")
