"""A grammar in the words of llguidance."""

from __future__ import annotations

import json

from llguidance import LLMatcher

from exo_core.requests import Grammar

WHITE_SPACE = r" ?|\n {0,24}"
"""Between the parts of JSON: a space, or a new line and what it is indented by. Were it without end, a model that likes
white space would never come to its point."""


def llguidance_text(grammar: Grammar) -> str:
    """What `LLMatcher` compiles. Raises `ValueError` for a schema that is no JSON."""
    match grammar.kind:
        case "json_schema":
            return _schema(grammar.text)
        case "json_object":
            return _schema(json.dumps({"type": "object"}))
        case "regex":
            return LLMatcher.grammar_from_regex(grammar.text)
        case "lark":
            return LLMatcher.grammar_from_lark(grammar.text)


def _schema(text: str) -> str:
    return LLMatcher.grammar_from_json_schema(text, overrides={"whitespace_pattern": WHITE_SPACE})
