"""When is an answer the undisturbed one?"""

from __future__ import annotations

import pytest

from exo_core.testing.reliability.recorded_stream import Token
from exo_core.testing.reliability.sameness import sameness


def tokens(text: str, margin: float = 1.0) -> list[Token]:
    return [Token(letter.encode(), margin, float(at)) for at, letter in enumerate(text)]


@pytest.mark.parametrize("answer", ["abcdef", "abc", ""])
def test_the_whole_and_each_beginning_are_the_same(answer: str) -> None:
    assert sameness(tokens(answer), tokens("abcdef"), is_complete=answer == "abcdef") == "same"


@pytest.mark.parametrize("answer", ["abdef", "abccdef", "abcdeg", "abcdefg", "abcde"])
def test_a_token_lost_doubled_wrong_or_too_many_is_a_difference(answer: str) -> None:
    assert sameness(tokens(answer), tokens("abcdef"), is_complete=True) == "different"


def test_two_that_are_as_likely_may_change_places_but_none_may_be_lost() -> None:
    reference = [*tokens("ab"), *tokens("c", margin=1e-5), *tokens("def")]
    assert sameness(tokens("abxyzw"), reference, is_complete=True) == "near tie"
    assert sameness(tokens("abxyz"), reference, is_complete=True) == "different"
