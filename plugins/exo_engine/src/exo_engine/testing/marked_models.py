"""Markup for imagined models: thoughts, and calls of tools in a notation that a grammar can hold them to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

import jsonschema_rs

from exo_core.frozen import JsonValue
from exo_core.requests import ToolUse
from exo_engine.answers.json_notation import JsonNotation
from exo_engine.answers.markup import Markup
from exo_engine.answers.tool_format import Notation, ToolCall, ToolDocument
from exo_engine.answers.tool_grammar import functions_of

TAGGED = JsonNotation(
    trigger="<call>",
    before_name='<call>{"name": "',
    before_arguments='", "arguments": ',
    after_arguments="}</call>",
    separator="\n",
)


@final
@dataclass(frozen=True)
class TaggedFormat:
    """See `ToolFormat`."""

    notation: Notation | None = TAGGED

    def parse(self, text: str, tools: Sequence[ToolDocument]) -> Sequence[ToolCall]:
        """One call, as JSON."""
        del tools
        call = json.loads(text)
        return [ToolCall(call["name"], call["arguments"])]


TALKATIVE = Markup(
    edges={
        "content": (("<think>", "reasoning"), ("<call>", "tool")),
        "reasoning": (("</think>", "content"),),
        "tool": (("</call>", "content"),),
    },
    thought=("<think>", "</think>"),
    tool_format=TaggedFormat(),
)
"""All markers are text, and no tokens of their own."""
UNKNOWN_NOTATION = replace(TALKATIVE, tool_format=TaggedFormat(notation=None))


def assert_callable(calls: Sequence[tuple[str, str]], tools: Sequence[ToolDocument]) -> None:
    """Each of these calls, name and arguments, is of one of the tools, with arguments that fit its schema."""
    schemas = {function.name: dict(function.parameters) for function in functions_of(tools, ToolUse())}
    for name, arguments in calls:
        assert jsonschema_rs.is_valid(schemas[name], json.loads(arguments)), (name, arguments)


def function(name: str, /, **properties: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """A tool as a `ChatPrompt` has it. All properties are required, and there are no others."""
    parameters: dict[str, JsonValue] = {
        "type": "object",
        "properties": {key: dict(schema) for key, schema in properties.items()},
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"type": "function", "function": {"name": name, "parameters": parameters}}
