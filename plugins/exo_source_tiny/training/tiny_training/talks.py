"""Which kind of conversation comes next: plain, with tools, or answered as JSON?"""

from __future__ import annotations

from random import Random

from tiny_training.conversation import Conversation, draw_conversation
from tiny_training.json_answers import draw_json_talk
from tiny_training.schedule import Stage
from tiny_training.tool_talk import draw_tool_talk


def draw_talk(rng: Random, stage: Stage, *, turns: int) -> Conversation:
    """A conversation of about so many turns, in the shares of the stage."""
    fate = rng.random()
    if fate < stage.tools:
        more = rng.choice((0, 1, 1))  # the declarations weigh less then
        return draw_tool_talk(rng, turns=turns + more, most_tools=stage.most_tools)
    if fate < stage.tools + stage.json:
        return draw_json_talk(rng, turns=turns)
    return draw_conversation(rng, turns=turns, mixture=stage.mixture)
