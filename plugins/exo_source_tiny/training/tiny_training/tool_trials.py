"""Which trials measure tool calls and JSON answers?

Their tools, keys and most of their values are made of the words of parts that training never sees (topics/words.toml),
or stand in held_out_calls.json, whose tools are written as clients declare them and are none of topics/tools.toml.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

from tiny_training.askable import AskableTool
from tiny_training.fields import Field, Json, object_schema
from tiny_training.held_out import HeldOut, Part
from tiny_training.invented_tools import draw_invented_tool
from tiny_training.json_answers import draw_facts, draw_fields_given, state
from tiny_training.noise import add_noise_around
from tiny_training.tool_results import draw_result, words_of
from tiny_training.tools import Call, calls_text, declare, dump
from tiny_training.topics import read_topics
from tiny_training.trials import Trial, asked, same_calls, same_json
from tiny_training.words import Words, read_words

HELD_OUT_CALLS = Path(__file__).parent.parent / "held_out_calls.json"
_TRIALS = 150
_DECLARED = (1, 1, 2, 2, 3, 4)


def tool_skills(part: Part, held_out: HeldOut) -> dict[str, list[Trial]]:
    """Skill -> its trials."""
    words = read_words(part)
    rng = Random(f"measure/{part}")  # noqa: S311 - repeatable text, no secret
    return {
        "calls of one declared tool": [_call(words, 1, rng) for _ in range(_TRIALS)],
        "calls, two to four tools declared": [_call(words, rng.choice((2, 3, 4)), rng) for _ in range(_TRIALS)],
        "calls, tools and requests as people write them": written_calls(part),
        "answers in words from what a tool gave": [_result(words, rng) for _ in range(_TRIALS // 2)],
        "questions of the rows above, while tools are declared": _words_beside_tools(held_out, words, rng),
        "requests that no declared tool fits": [_unfit(words, rng) for _ in range(_TRIALS // 3)],
        "JSON from facts, keys in the prompt": [_facts(words, rng) for _ in range(_TRIALS // 2)],
        "JSON from facts, a JSON schema given": [_by_schema(words, rng) for _ in range(_TRIALS // 2)],
        "sums and questions about exo, answered as JSON": _questions_as_json(held_out),
    }


def written_calls(part: Part) -> list[Trial]:
    """The trials of held_out_calls.json."""
    entries = json.loads(HELD_OUT_CALLS.read_text(encoding="utf-8"))[part]
    return [
        Trial(
            asked(entry["prompt"]),
            calls_text([Call(call["name"], call["arguments"]) for call in entry["calls"]]),
            entry["tools"],
            is_right=same_calls,
        )
        for entry in entries
    ]


def _call(words: Words, count: int, rng: Random) -> Trial:
    tools = _draw_tools(words, count, rng)
    prompt, call = rng.choice(tools).ask(rng)
    return Trial(asked(add_noise_around(prompt, rng)), calls_text([call]), _declared(tools), is_right=same_calls)


def _result(words: Words, rng: Random) -> Trial:
    tools = _draw_tools(words, rng.choice(_DECLARED), rng)
    prompt, call = rng.choice(tools).ask(rng)
    content = draw_result(words, rng)
    function: Json = {"name": call.name, "arguments": dump(call.arguments)}
    made: Json = [{"id": "call_1", "type": "function", "function": function}]
    chat = [
        *asked(prompt),
        {"role": "assistant", "content": "", "tool_calls": made},
        {"role": "tool", "tool_call_id": "call_1", "content": content},
    ]
    return Trial(chat, words_of(content), _declared(tools))


def _words_beside_tools(held_out: HeldOut, words: Words, rng: Random) -> list[Trial]:
    answers = {subject.name: subject.answer for subject in (*read_topics("about_exo"), *read_topics("small_talk"))}
    return [
        Trial(asked(question.prompt), answers[question.topic], _some_tools(words, rng))
        for question in (*held_out.small_talk, *held_out.exo)[::2]
    ]


def _unfit(words: Words, rng: Random) -> Trial:
    *declared, other = _draw_tools(words, rng.choice((2, 3, 4)), rng)
    return Trial(asked(other.ask(rng)[0]), read_topics("beyond")[0].answer, _declared(declared))


def _facts(words: Words, rng: Random) -> Trial:
    turn = draw_facts(words, rng)
    return Trial(asked(turn.prompt), turn.answer, is_right=same_json)


def _by_schema(words: Words, rng: Random) -> Trial:
    fields: tuple[Field, ...] = draw_fields_given(words, rng)
    turn = state(fields, words, rng)
    wanted: Json = {"name": "facts", "schema": object_schema(fields)}
    form: Json = {"type": "json_schema", "json_schema": wanted}
    return Trial(asked(turn.prompt), turn.answer, response_format=form, is_right=same_json)


def _questions_as_json(held_out: HeldOut) -> list[Trial]:
    answers = {subject.name: subject.answer for subject in read_topics("about_exo")}
    sums = [(f"What is {q.a} {q.operator} {q.b}?", q.result) for q in held_out.arithmetic[::5]]
    words = [(q.prompt, answers[q.topic]) for q in held_out.exo[::3]]
    return [
        Trial(asked(prompt), dump({"answer": answer}), response_format={"type": "json_object"}, is_right=same_json)
        for prompt, answer in (*sums, *words)
    ]


def _draw_tools(words: Words, count: int, rng: Random) -> list[AskableTool]:
    tools: dict[str, AskableTool] = {}
    while len(tools) < count:
        drawn = draw_invented_tool(words, rng)
        tools.setdefault(drawn.tool.name, drawn)
    return list(tools.values())


def _some_tools(words: Words, rng: Random) -> list[Json]:
    return _declared(_draw_tools(words, rng.choice(_DECLARED), rng))


def _declared(tools: list[AskableTool]) -> list[Json]:
    return [declare(each.tool) for each in tools]
