"""Calls as Qwen's coding models write them: a parameter after the other, strings as they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NoReturn, final

from exo_core.frozen import JsonValue
from exo_engine.answers.lark import ANY_TEXT, arguments_of, quoted
from exo_engine.answers.tool_format import Function, Literal, NotationReader

_BEGIN, _END = "<tool_call>\n<function=", "</function>\n</tool_call>"
_CLOSE = "\n</parameter>\n"
_NAME = re.compile(r"[^\s<>]+")
_OF_AN_OBJECT = frozenset({
    "type", "properties", "required", "additionalProperties", "title", "description", "$schema", "$defs", "definitions",
    "examples",
})  # fmt: skip
_OF_A_STRING = frozenset({"type", "enum", "title", "description", "default", "examples"})


@final
class CoderNotation:
    """See `Notation`. Of a string's schema it knows `enum`: what else may be asked of one is checked afterwards."""

    trigger = "<tool_call>"
    is_repeated = True
    reads_on_the_way = False
    letters = f"{_BEGIN}>\n<parameter=>\n{_CLOSE}{_END}"
    """Every fixed text of it."""

    def rules(self, functions: Sequence[Function], literal: Literal, *, parallel: bool) -> str:
        """See `Notation`."""
        more = f"({literal(chr(10))} {literal('<tool_call>')} triggered)*" if parallel else ""
        return "\n".join([
            f"calls: {literal('<tool_call>')} triggered {more}",
            f"triggered: {' | '.join(f'call_{number}' for number in range(len(functions)))}",
            *(line for number, function in enumerate(functions) for line in _call(number, function, literal)),
        ])  # fmt: skip

    def reader(self) -> NotationReader:
        """See `Notation`; there is none."""
        message = "these calls are read when they are complete"
        raise NotImplementedError(message)


def _call(number: int, function: Function, literal: Literal) -> Iterator[str]:
    """The rule of a function, from behind the trigger on, and one for each of its parameters."""
    schema = function.parameters
    _check(schema, _OF_AN_OBJECT, f"the parameters of '{function.name}'")
    properties, required = schema.get("properties") or {}, schema.get("required") or []
    if not isinstance(properties, dict) or not isinstance(required, list):
        _refuse(f"the parameters of '{function.name}' are no JSON schema")
    strange = next((name for name in properties if not _NAME.fullmatch(name)), None)
    if strange is not None:
        _refuse(f"the parameter {strange!r} of '{function.name}' has no notation here")
    wanted = [f"value_{number}_{at}{'' if name in required else '?'}" for at, name in enumerate(properties)]
    beginning = f"{_BEGIN}{function.name}>\n".removeprefix("<tool_call>")
    yield f"call_{number}: {literal(beginning)} {' '.join(wanted)} {literal(_END)}"
    for at, (name, declared) in enumerate(properties.items()):
        value = _value(f"text_{number}_{at}", declared, schema, literal)
        yield f"value_{number}_{at}: {literal(f'<parameter={name}>{chr(10)}')} {value[0]}"
        yield from value[1:]


def _value(rule: str, declared: JsonValue, root: Mapping[str, JsonValue], literal: Literal) -> list[str]:
    """What stands for a value and its end, and further rules that this takes."""
    schema = declared if isinstance(declared, dict) else {}
    words = schema.get("enum")
    if isinstance(words, list) and all(isinstance(word, str) for word in words) and "type" not in schema:
        schema = {"type": "string", **schema}
    match schema.get("type"):
        case "string":
            _check(schema, _OF_A_STRING, "a string")
            if isinstance(words, list):
                return [f"( {' | '.join(quoted(str(word)) for word in words)} ) {literal(_CLOSE)}"]
            return [rule, f"{rule}[lazy]: {ANY_TEXT} {quoted(_CLOSE)}"]
        case "boolean":
            return [f'( "true" | "false" | "True" | "False" ) {literal(_CLOSE)}']
        case "integer" | "number" | "array" | "object":
            definitions = {key: root[key] for key in ("$defs", "definitions") if key in root}
            return [f"{rule} {literal(_CLOSE)}", f"{rule}: {arguments_of({**definitions, **schema})}"]
        case other:
            message = f"a parameter of the type {other!r} has no notation here"
            raise ValueError(message)


def _check(schema: Mapping[str, JsonValue], known: frozenset[str], what: str) -> None:
    strange = next((key for key in schema if key not in known), None)
    if strange is not None:
        _refuse(f"'{strange}' of {what} cannot be held here")


def _refuse(message: str) -> NoReturn:
    raise ValueError(message)
