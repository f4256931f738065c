"""What is a declared tool, a call of it, and their text in a conversation?

The chat template in tokens.py writes the same text from what clients send; a test compares them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from tiny_training.fields import Field, Json, object_schema, signatures

TOOL_TOKENS = (
    CALL, CALL_END, RESULT, RESULT_END, TOOLS, TOOLS_END,
) = (
    "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<tools>", "</tools>",
)  # fmt: skip


@final
@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as a client declares it."""

    name: str
    description: str
    fields: tuple[Field, ...]


@final
@dataclass(frozen=True, slots=True)
class Call:
    """A tool's name and arguments."""

    name: str
    arguments: dict[str, Json]


def declare(tool: Tool) -> dict[str, Json]:
    """The declaration that OpenAI's API has in `tools`."""
    function: dict[str, Json] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    return {"type": "function", "function": {**function, "parameters": object_schema(tool.fields)}}


def tools_text(tools: Sequence[Tool]) -> str:
    """What the system part says of the tools: one line of JSON for each, arguments in their short form."""
    return "\n".join((TOOLS, *map(_line, tools), TOOLS_END))


def calls_text(calls: Sequence[Call]) -> str:
    """An answer that is nothing but calls."""
    return "\n".join(f"{CALL}\n{dump({'name': call.name, 'arguments': call.arguments})}\n{CALL_END}" for call in calls)


def result_text(content: str) -> str:
    """What a tool gave, as the model gets to see it."""
    return f"{RESULT}\n{content}\n{RESULT_END}"


def dump(value: Json) -> str:
    """JSON on one line, as chat templates write it."""
    return json.dumps(value, ensure_ascii=False)


def _line(tool: Tool) -> str:
    description = tool.description or tool.name.replace("_", " ")
    return dump({"description": description, "name": tool.name, "arguments": signatures(tool.fields)})
