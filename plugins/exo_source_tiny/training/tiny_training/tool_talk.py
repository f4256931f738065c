"""What does a conversation with declared tools look like?

Turns that ask for a tool are answered by its call, what a tool gave by words; every other turn as if there were no
tools, a request for a tool that is not declared as anything else that the model never learned.
"""

from __future__ import annotations

from random import Random

from tiny_training.askable import AskableTool
from tiny_training.conversation import Conversation, Mixture, Turn, draw_system, draw_turn
from tiny_training.invented_tools import draw_invented_tool
from tiny_training.known_tools import draw_known_tool
from tiny_training.noise import add_noise_around
from tiny_training.tool_results import draw_result, words_of
from tiny_training.tools import calls_text, result_text, tools_text
from tiny_training.topics import read_topics
from tiny_training.words import Words, read_words

_TOOL_COUNTS = (1, 1, 1, 1, 2, 2, 2, 3, 3, 4)
_KNOWN_SHARE = 0.4
_CALL_SHARE, _UNDECLARED_SHARE = 0.75, 0.08
_RESULT_SHARE = 0.4
_TWO_CALLS_SHARE = 0.06
_PLAIN = Mixture(arithmetic=0.3, exo=0.3, small_talk=0.25)


def draw_tool_talk(rng: Random, *, turns: int, most_tools: int = 4) -> Conversation:
    """A chat of about so many turns with one tool or more."""
    words = read_words("training")
    tools = _draw_tools(words, rng, most_tools)
    system = "\n".join(part for part in (draw_system(rng), tools_text([each.tool for each in tools])) if part)
    said: list[Turn] = []
    while len(said) < turns:
        said += _draw_turns(tools, words, rng)
    return Conversation(system, tuple(said))


def _draw_tools(words: Words, rng: Random, most: int) -> list[AskableTool]:
    """Tools of different names."""
    count = min(rng.choice(_TOOL_COUNTS), most)
    tools: dict[str, AskableTool] = {}
    while len(tools) < count:
        drawn = draw_known_tool(rng) if rng.random() < _KNOWN_SHARE else draw_invented_tool(words, rng)
        tools.setdefault(drawn.tool.name, drawn)
    return list(tools.values())


def _draw_turns(tools: list[AskableTool], words: Words, rng: Random) -> list[Turn]:
    fate = rng.random()
    if fate < _CALL_SHARE:
        return _called(tools, words, rng)
    if fate < _CALL_SHARE + _UNDECLARED_SHARE:
        prompt, _ = draw_invented_tool(words, rng).ask(rng)
        return [Turn(add_noise_around(prompt, rng), read_topics("beyond")[0].answer)]
    turn = draw_turn(rng, _PLAIN)
    is_sum = turn.answer.lstrip("-").isdigit() or turn.answer == read_topics("beyond")[1].answer
    return [] if is_sum and _may_calculate(tools) else [turn]


def _called(tools: list[AskableTool], words: Words, rng: Random) -> list[Turn]:
    count = 2 if rng.random() < _TWO_CALLS_SHARE else 1
    asked = [rng.choice(tools).ask(rng) for _ in range(count)]
    prompt = rng.choice((" and ", ", and ", " and then ", ". Then ")).join(prompt for prompt, _ in asked)
    turns = [Turn(add_noise_around(prompt, rng), calls_text([call for _, call in asked]))]
    if rng.random() < _RESULT_SHARE:
        results = [draw_result(words, rng) for _ in asked]
        turns.append(Turn("\n".join(map(result_text, results)), " ".join(map(words_of, results))))
    return turns


def _may_calculate(tools: list[AskableTool]) -> bool:
    fields = [field for each in tools for field in each.tool.fields]
    return any(field.kind in {"integer", "number"} or "expr" in field.key for field in fields)
