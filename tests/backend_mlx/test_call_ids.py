"""Earlier calls are named as templates want it, and the answers to them follow."""

from __future__ import annotations

from exo_backend_mlx.call_ids import Message, nine_letters, numbered, with_call_ids
from exo_core.frozen import JsonValue


def conversation(*ids: str) -> list[Message]:
    """Two calls at once, and the answers to them."""
    calls: list[JsonValue] = [{"id": name, "function": {"name": f"f{at}"}} for at, name in enumerate(ids)]
    answers: list[Message] = [{"role": "tool", "tool_call_id": name, "content": "x"} for name in ids]
    return [{"role": "assistant", "content": "", "tool_calls": calls}, *answers]


def test_answers_follow_their_calls() -> None:
    assert with_call_ids(conversation("call_a", "call_b"), numbered) == conversation("functions.f0:0", "functions.f1:1")


def test_nine_letters_stay_and_others_become_nine() -> None:
    named = with_call_ids(conversation("Abc456789", "call_b"), nine_letters)
    (kept, made) = (message["tool_call_id"] for message in named[1:])
    assert kept == "Abc456789"
    assert isinstance(made, str)
    assert len(made) == 9
    assert made.isalnum()
    assert named == conversation("Abc456789", made)


def test_an_answer_to_nothing_is_named_too() -> None:
    (alone,) = with_call_ids([{"role": "tool", "tool_call_id": "call_lost", "content": "x"}], nine_letters)
    assert isinstance(alone["tool_call_id"], str)
    assert len(alone["tool_call_id"]) == 9
