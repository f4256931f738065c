"""What an answer must look like that may or must call tools. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exo_core.errors import RequestRefused
from exo_core.frozen import JsonValue
from exo_core.requests import Grammar, ToolUse
from exo_engine.answers.lark import as_rule, literals, quoted
from exo_engine.answers.markup import Markup, Thinking
from exo_engine.answers.thought_first import TERMINALS, thought_rule
from exo_engine.answers.tool_format import Function, Literal, Notation, ToolDocument

NO_ARGUMENTS: Mapping[str, JsonValue] = {"type": "object", "properties": {}, "additionalProperties": False}
"""A function without a schema takes none."""


def tool_grammar(
    functions: Sequence[Function],
    use: ToolUse,
    notation: Notation,
    *,
    markup: Markup,
    thinking: Thinking,
    otherwise: Grammar | None = None,
) -> Grammar:
    """Calls as the model writes them, held to their schemas: from the first token on, or behind what begins a call.

    `otherwise` is what an answer without calls is held to. Raises `ValueError` for functions that the notation cannot
    hold.
    """
    literal = literals(markup.tokens)
    lines = [
        f"start: thought {_answer(use, notation, otherwise)}",
        thought_rule(markup, literal, thinking),
        _head(notation, literal),
        f"otherwise: {'TEXT' if otherwise is None else as_rule(otherwise)}",
        notation.rules(functions, literal, parallel=use.parallel),
    ]
    return Grammar(kind="lark", text="\n".join([*lines, TERMINALS]))


def functions_of(tools: Sequence[ToolDocument], use: ToolUse) -> list[Function]:
    """Those that may be called. Raises `RequestRefused` (400) for parameters that are no object."""
    functions = [_function(tool.get("function")) for tool in tools]
    return [function for function in functions if not use.names or function.name in use.names]


def _function(declared: JsonValue) -> Function:
    if not isinstance(declared, dict) or not isinstance(name := declared.get("name"), str):
        raise RequestRefused(400, "invalid_tool", "tools: a tool has no function with a name")
    schema = declared.get("parameters")
    if not schema:
        return Function(name, NO_ARGUMENTS)
    if not isinstance(schema, dict) or schema.get("type", "object") != "object":
        message = f"tools: the parameters of '{name}' have to be the JSON schema of an object"
        raise RequestRefused(400, "invalid_tool", message)
    return Function(name, {"type": "object", **schema})


def _answer(use: ToolUse, notation: Notation, otherwise: Grammar | None) -> str:
    if use.choice == "required":
        return "calls"
    if otherwise is not None:
        return "( calls | otherwise )"
    if not notation.trigger:
        return "( calls | NO_CALL? )"
    return (
        "( head triggered )* otherwise" if use.parallel and notation.is_repeated else "( head triggered | otherwise )"
    )


def _head(notation: Notation, literal: Literal) -> str:
    """Free text up to the trigger, be it a token of its own or the same letters in others."""
    if not notation.trigger:
        return "NO_CALL: /[^{](?s:.*)/"
    as_token = literal(notation.trigger)
    heads = "typed" if as_token == quoted(notation.trigger) else f"typed | TEXT {as_token}"
    return f"head: {heads}\ntyped[lazy]: TEXT {quoted(notation.trigger)}"
