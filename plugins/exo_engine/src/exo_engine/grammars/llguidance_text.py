"""A grammar in the words of llguidance."""

from __future__ import annotations

import json

from llguidance import LLMatcher

from exo_core.requests import Grammar
from exo_engine.grammars.white_space import WHITE_SPACE


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
