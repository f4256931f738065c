"""Does the tokenizer that training makes keep any text, and cut what has to be copied the same wherever it stands?"""

from __future__ import annotations

import pytest
from tiny_training.tokens import END_ID, SPECIAL_TOKENS
from tiny_training.tools import TOOL_TOKENS
from tiny_training.vocabulary import VOCABULARY_SIZE, train_tokenizer
from tokenizers import Tokenizer

SAMPLE = 2000
ANY_TEXT = ("naïve café", "你好世界", "🙂👍🏽", "  two  spaces\n\ttabs\r\n", "\x00\x7f", "סלאם שלום", "a1b22c333", "")


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(7, sample=SAMPLE)


def ids(tokenizer: Tokenizer, text: str) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False).ids


def test_it_has_the_size_of_the_network(tokenizer: Tokenizer) -> None:
    assert tokenizer.get_vocab_size() == VOCABULARY_SIZE
    assert tokenizer.token_to_id(SPECIAL_TOKENS[0]) == END_ID


@pytest.mark.parametrize("text", ANY_TEXT)
def test_any_text_survives(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.decode(ids(tokenizer, text)) == text


@pytest.mark.parametrize("mark", TOOL_TOKENS)
def test_a_mark_of_tools_is_one_token_that_decoding_keeps(tokenizer: Tokenizer, mark: str) -> None:
    (mark_id,) = ids(tokenizer, mark)
    assert tokenizer.decode([mark_id], skip_special_tokens=True) == mark


@pytest.mark.parametrize("value", ["Ljubljana", "zorbluk", "Zo Brak", "a-12", "x.y@z.org", "-3.5", "émile"])
def test_a_value_is_cut_alike_in_a_request_and_in_json(tokenizer: Tokenizer, value: str) -> None:
    value_ids = ids(tokenizer, value)
    for text in (f"the city ({value}", f'{{"city": "{value}', f"[{value}"):
        assert ids(tokenizer, text)[-len(value_ids) :] == value_ids
    assert ids(tokenizer, f"the city {value}")[-len(value_ids) + 1 :] == value_ids[1:]


def test_every_digit_is_one_token(tokenizer: Tokenizer) -> None:
    assert [tokenizer.id_to_token(token_id) for token_id in ids(tokenizer, "2026")] == list("2026")
