"""What does one training conversation look like?

Every conversation is a chat: now and then a system message, then turns of mixed skills. Answers never depend on earlier
turns; what is learned from them is to answer the last question, wherever in the context it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import final

from tiny_training import about_exo, small_talk
from tiny_training.arithmetic import draw_sum, draw_sum_prompt
from tiny_training.beyond import draw_unknown
from tiny_training.held_out import is_held_out_text
from tiny_training.noise import add_noise

_ARITHMETIC_SHARE, _EXO_SHARE, _SMALL_TALK_SHARE = 0.52, 0.28, 0.14  # the rest is beyond what the model learns
_SYSTEM_SHARE = 0.2
_SYSTEM_MESSAGES = (
    "You are a helpful assistant.", "You are tiny.", "Be brief.", "You are a helpful AI assistant. Answer briefly.",
    "Answer in one sentence.", "You are an assistant who helps with exo.", "You are a friendly assistant.", "Be kind and correct.",
    "You are a calculator.", "Today is Monday.", "Answer the user's question.", "You are a bot in a chat room. Be polite.",
    "Please answer as well as you can.", "You are ChatGPT.", "The user is called Anna.", "Do not lie.", "You are an expert.",
    "Speak English.", "Think step by step.", "You are a concise assistant, and you never make up facts.", "Help the user.",
)  # fmt: skip


@final
@dataclass(frozen=True, slots=True)
class Turn:
    """What the user says and what the model is to answer."""

    prompt: str
    answer: str


@final
@dataclass(frozen=True, slots=True)
class Conversation:
    """A chat; `system` is empty where there is no system message."""

    system: str
    turns: tuple[Turn, ...]


def draw_conversation(rng: Random, *, turns: int) -> Conversation:
    """A chat of so many turns."""
    system = add_noise(rng.choice(_SYSTEM_MESSAGES), rng) if rng.random() < _SYSTEM_SHARE else ""
    return Conversation(system, tuple(draw_turn(rng) for _ in range(turns)))


def draw_turn(rng: Random) -> Turn:
    """One question of any skill that is not held out, with its answer."""
    while True:
        prompt, answer = _draw_clean(rng)
        noisy = add_noise(prompt, rng)
        if not is_held_out_text(noisy):
            return Turn(noisy, answer)


def _draw_clean(rng: Random) -> tuple[str, str]:
    fate = rng.random()
    if fate < _ARITHMETIC_SHARE:
        question = draw_sum(rng)
        return draw_sum_prompt(question, rng), str(question.result)
    fate -= _ARITHMETIC_SHARE
    if fate < _EXO_SHARE:
        subject = rng.choice(about_exo.TOPICS)
    elif fate < _EXO_SHARE + _SMALL_TALK_SHARE:
        subject = rng.choice(small_talk.TOPICS)
    else:
        return draw_unknown(rng)
    return subject.draw_prompt(rng), subject.answer
