"""A thought before what an answer is held to: a model that thinks does so first."""

from __future__ import annotations

from exo_core.requests import Grammar
from exo_engine.answers.lark import ANY_TEXT, as_rule, literals, quoted
from exo_engine.answers.markup import Markup, Thinking
from exo_engine.answers.tool_format import Literal

TERMINALS = f"TEXT: {ANY_TEXT}\nSPACE: " + r"/\s{0,4}/" + "\n"
"""Anything, and what may stand between a thought and what it led to."""


def thought_rule(markup: Markup, literal: Literal, thinking: Thinking) -> str:
    """A rule `thought`, which may be empty; it needs `TERMINALS`."""
    if markup.thought is None or thinking == "over":
        return 'thought: ""'
    start, end = markup.thought
    is_token = literal(end) != quoted(end)
    rest = f"TEXT {literal(end)}" if is_token else "typed_end"
    rule = f"thought: {rest} SPACE" if thinking == "begun" else f"thought: ( SPACE {literal(start)} {rest} SPACE )?"
    return rule if is_token else f"{rule}\ntyped_end[lazy]: TEXT {quoted(end)}"


def after_thought(grammar: Grammar, markup: Markup, thinking: Thinking) -> Grammar:
    """The grammar itself, where no thought is to come."""
    if markup.thought is None or thinking == "over":
        return grammar
    rule = thought_rule(markup, literals(markup.tokens), thinking)
    return Grammar(kind="lark", text=f"start: thought answer\n{rule}\nanswer: {as_rule(grammar)}\n{TERMINALS}")
