"""Pieces of grammars in llguidance's notation of Lark."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import partial

from exo_core.frozen import JsonValue
from exo_core.requests import Grammar
from exo_engine.answers.closed_schemas import closed
from exo_engine.answers.tool_format import Literal
from exo_engine.grammars.white_space import WHITE_SPACE

ANY_TEXT = "/(?s:.*)/"
"""Whatever is no special token: those are in a grammar only where it names them."""
_AS_TEMPLATES: JsonValue = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
"""As chat templates write JSON, and models learned it."""


def literals(tokens: Mapping[str, int]) -> Literal:
    """Writes texts, those of `tokens` as the tokens themselves."""
    names = sorted(tokens, key=len, reverse=True)
    split = re.compile(f"({'|'.join(map(re.escape, names))})") if names else None
    return partial(_literal, tokens=tokens, split=split)


def _literal(text: str, *, tokens: Mapping[str, int], split: re.Pattern[str] | None) -> str:
    parts = split.split(text) if split else [text]
    return " ".join(f"<[{tokens[part]}]>" if part in tokens else quoted(part) for part in parts if part)


def quoted(text: str) -> str:
    """A text as it stands."""
    return json.dumps(text)


def arguments_of(schema: Mapping[str, JsonValue]) -> str:
    """JSON that fits the schema of a function's parameters, and has nothing that it does not name."""
    return f"%json {json.dumps({**closed(schema), 'x-guidance': _AS_TEMPLATES})}"


def as_rule(grammar: Grammar) -> str:
    """A whole grammar as the body of a rule."""
    match grammar.kind:
        case "json_schema":
            return _json(json.loads(grammar.text))
        case "json_object":
            return _json({"type": "object"})
        case "regex":
            return f"%lark {{\nstart: /{_within_slashes(grammar.text)}/\n}}"
        case "lark":
            return f"%lark {{\n{grammar.text}\n}}"


def _json(schema: JsonValue) -> str:
    spaced = {**schema, "x-guidance": {"whitespace_pattern": WHITE_SPACE}} if isinstance(schema, dict) else schema
    return f"%json {json.dumps(spaced)}"


def _within_slashes(expression: str) -> str:
    escaped = re.sub(r"\\.|/", lambda found: r"\/" if found[0] == "/" else found[0], expression, flags=re.DOTALL)
    return escaped.replace("\n", r"\n")
