"""What is counted token by token is what counting anew would give, however the tokens came and went."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from exo_backend_mlx.token_history import TokenHistory

VOCABULARY = 12
TOKENS = st.integers(0, VOCABULARY + 2)
"""Some of which the model does not have."""


def expected(prompt: Sequence[int], reply: Sequence[int]) -> dict[int, float]:
    return {token: list(reply).count(token) for token in {*prompt, *reply} if token < VOCABULARY}


def counted(history: TokenHistory, index: int) -> dict[int, float]:
    counts = history.before(index, VOCABULARY)
    assert len(set(counts.token_ids.tolist())) == len(counts.token_ids)
    return dict(zip(counts.token_ids.tolist(), counts.times.tolist(), strict=True))


@given(st.lists(TOKENS, max_size=8), st.lists(TOKENS, max_size=4), st.lists(st.tuples(st.integers(0, 3), TOKENS)))
def test_whatever_is_drawn_and_taken_back(prompt: list[int], reply: list[int], draws: list[tuple[int, int]]) -> None:
    """Each draw is of the next token, or of one up to three before it, which forgets those that followed."""
    history, reply = TokenHistory(prompt, reply), list(reply)
    for back, token in draws:
        index = max(0, len(reply) - back)
        assert counted(history, index) == expected(prompt, reply[:index])
        history.note(index, token)
        reply[index:] = [token]
    assert counted(history, len(reply)) == expected(prompt, reply)


def test_before_the_reply_only_the_prompt_counts() -> None:
    history = TokenHistory((3, 3, 5), (3, 7))
    assert counted(history, -2) == counted(history, 0) == expected((3, 5), ())
    assert counted(history, 2) == counted(history, 9) == expected((3, 5), (3, 7))
