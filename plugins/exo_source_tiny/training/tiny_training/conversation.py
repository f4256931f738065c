"""What does one training conversation look like?

Every conversation is a chat: now and then a system message, then turns of mixed skills. Answers never depend on earlier
turns; what is learned from them is to answer the last question, wherever in the context it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import final

from tiny_training.arithmetic import draw_sum, draw_sum_prompt
from tiny_training.beyond import draw_unknown
from tiny_training.held_out import is_held_out_text
from tiny_training.noise import add_noise
from tiny_training.topics import read_surroundings, read_topics

_SYSTEM_SHARE = 0.2


@final
@dataclass(frozen=True, slots=True)
class Mixture:
    """Shares of the turns; the rest is beyond what the model learns.

    `bare_sums` (next to no words) and `small_sums` (an operand below 10) are shares of the sums.
    """

    arithmetic: float
    exo: float
    small_talk: float
    bare_sums: float = 0.0
    small_sums: float = 0.0


BALANCED = Mixture(arithmetic=0.52, exo=0.28, small_talk=0.14)


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


def draw_conversation(rng: Random, *, turns: int, mixture: Mixture = BALANCED) -> Conversation:
    """A chat of so many turns."""
    return Conversation(draw_system(rng), tuple(draw_turn(rng, mixture) for _ in range(turns)))


def draw_system(rng: Random) -> str:
    """A system message, mostly none."""
    return add_noise(rng.choice(read_surroundings().system_messages), rng) if rng.random() < _SYSTEM_SHARE else ""


def draw_turn(rng: Random, mixture: Mixture = BALANCED) -> Turn:
    """One question of any skill that is not held out, with its answer."""
    while True:
        prompt, answer = _draw_clean(rng, mixture)
        noisy = add_noise(prompt, rng)
        if not is_held_out_text(noisy):
            return Turn(noisy, answer)


def _draw_clean(rng: Random, mixture: Mixture) -> tuple[str, str]:
    fate = rng.random()
    if fate < mixture.arithmetic:
        question = draw_sum(rng, small_share=mixture.small_sums)
        return draw_sum_prompt(question, rng, bare_share=mixture.bare_sums), str(question.result)
    fate -= mixture.arithmetic
    if fate < mixture.exo:
        subject = rng.choice(read_topics("about_exo"))
    elif fate < mixture.exo + mixture.small_talk:
        subject = rng.choice(read_topics("small_talk"))
    else:
        return draw_unknown(rng)
    return subject.draw_prompt(rng), subject.answer
