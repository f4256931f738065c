"""How models call tools: read by mlx_lm's parsers, and written down for grammars where we know the notation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast, final

from exo_backend_mlx.call_ids import NameCall, nine_letters, numbered
from exo_backend_mlx.coder_notation import CoderNotation
from exo_backend_mlx.mlx_lm_facade.answer_marks import AnswerMarks, ParseCalls
from exo_core.frozen import JsonValue
from exo_engine.answers.json_notation import JsonNotation
from exo_engine.answers.tool_format import Notation, ToolCall, ToolDocument

HERMES = JsonNotation(
    trigger="<tool_call>",
    before_name='<tool_call>\n{"name": "',
    before_arguments='", "arguments": ',
    after_arguments="}\n</tool_call>",
    separator="\n",
)
"""Hermes, Qwen 2.5 and 3, and many that learned from them."""
MISTRAL_LIST = JsonNotation(
    trigger="[TOOL_CALLS]",
    opening="[TOOL_CALLS][",
    before_name='{"name": "',
    before_arguments='", "arguments": ',
    after_arguments="}",
    separator=", ",
    closing="]",
)
MISTRAL = JsonNotation(trigger="[TOOL_CALLS]", before_name="[TOOL_CALLS]", before_arguments="[ARGS]", separator="")
"""Since the models of 2025."""
CALL_IDS: Mapping[str, NameCall] = {"mistral": nine_letters, "kimi_k2": numbered}
"""By mlx_lm's names of parsers."""
LLAMA = JsonNotation(trigger="", before_name='{"name": "', before_arguments='", "parameters": ', after_arguments="}")
"""Llama 3.1 to 3.3; one call at most."""


@final
@dataclass(frozen=True, kw_only=True)
class ModelToolFormat:
    """See `ToolFormat`. `start` and `end` are the markers around calls; without them calls are what begins so."""

    start: str
    end: str
    parser: ParseCalls
    notation: Notation | None
    first_call: str = ""
    letters: str = ""
    """Every fixed text of the notation, to find tokens in."""
    call_ids: NameCall | None = None
    """How the template wants earlier calls to be named; None: as the client named them."""

    def parse(self, text: str, tools: Sequence[ToolDocument]) -> Sequence[ToolCall]:
        """See `ToolFormat`."""
        found = self.parser(text, [dict(tool) for tool in tools])
        return [_call(each) for each in (cast("list[object]", found) if isinstance(found, list) else [found])]


def tool_format_of(marks: AnswerMarks) -> ModelToolFormat | None:
    """None if nobody here knows how the model calls tools."""
    calls = marks.calls
    if calls is None:
        return _llama() if _is_llama(marks.template) else None
    notation = _notation(calls.name, marks.template)
    return ModelToolFormat(
        start=calls.start,
        end=calls.end,
        parser=calls.parse,
        notation=notation,
        letters="" if notation is None else notation.letters,
        call_ids=CALL_IDS.get(calls.name),
    )


def _notation(parser: str, template: str) -> JsonNotation | CoderNotation | None:
    match parser:
        case "json_tools":
            return HERMES
        case "mistral":
            listed = replace(MISTRAL_LIST, opening="[TOOL_CALLS] [") if "[TOOL_CALLS] [" in template else MISTRAL_LIST
            return MISTRAL if "[ARGS]" in template else listed
        case "qwen3_coder":
            return CoderNotation()
        case _:
            return None


def _is_llama(template: str) -> bool:
    """mlx_lm has no parser for these: nothing marks a call but its place."""
    return '"parameters": ' in template and "ipython" in template


def _llama() -> ModelToolFormat:
    return ModelToolFormat(start="", end="", parser=_parse_llama, notation=LLAMA, first_call=LLAMA.before_name)


def _parse_llama(text: str, tools: Sequence[Mapping[str, JsonValue]]) -> dict[str, object]:
    del tools
    call = json.loads(LLAMA.before_name + text)
    return {"name": call["name"], "arguments": call["parameters"]}


def _call(found: object) -> ToolCall:
    """Raises `KeyError` and `TypeError` for what is none."""
    call = cast("Mapping[str, JsonValue]", found)
    name, arguments = call["name"], call["arguments"]
    if not isinstance(name, str) or not isinstance(arguments, dict):
        message = "a call without a name, or with arguments that are no object"
        raise TypeError(message)
    return ToolCall(name, arguments)
