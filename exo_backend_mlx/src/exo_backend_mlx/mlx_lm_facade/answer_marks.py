"""What mlx_lm knows of a model's answers: markers of thoughts and calls, and the parser of calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace
from typing import Any, cast

from exo_core.frozen import JsonValue

ParseCalls = Callable[[str, Sequence[Mapping[str, JsonValue]]], object]
"""A parser of mlx_lm: the text between two markers and the tools to a call or a list of calls."""
Edge = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class CallMarks:
    """`name` is that of the module in `mlx_lm.tool_parsers`. Without an `end` calls go on to the end of the answer."""

    name: str
    start: str
    end: str
    parse: ParseCalls


@dataclass(frozen=True, kw_only=True)
class AnswerMarks:
    """`transitions` and `initial` are those of mlx_lm's own response formats, in its words for states."""

    thought: Edge | None
    calls: CallMarks | None
    structural: Sequence[str]
    transitions: Mapping[str, Sequence[Edge]]
    initial: str | None
    template: str
    tokens: Mapping[str, int]
    """All that were added to the vocabulary, special or not."""


def answer_marks(wrapper: object) -> AnswerMarks:
    """Of a tokenizer that mlx_lm wrapped."""
    known = cast("Any", wrapper)
    return AnswerMarks(
        thought=(known.think_start, known.think_end) if known.has_thinking else None,
        calls=_calls(wrapper),
        structural=tuple(known.structural_markers),
        transitions=dict(known.response_transitions),
        initial=cast("str | None", known.response_initial_state),
        template=_template(wrapper),
        tokens=dict(known.get_added_vocab()),
    )


def _template(wrapper: object) -> str:
    """The chat template; of several, that for conversations with tools."""
    template = cast("Any", wrapper).chat_template
    if isinstance(template, dict):
        named = cast("dict[str, str]", template)
        return named.get("tool_use") or named.get("default") or ""
    return template if isinstance(template, str) else ""


def _calls(wrapper: object) -> CallMarks | None:
    known = cast("Any", wrapper)
    name = known.init_kwargs.get("tool_parser_type") or _parser_for(_template(wrapper), known.get_vocab)
    if not name:
        return None
    parser = cast("Any", import_module(f"mlx_lm.tool_parsers.{name}"))
    return CallMarks(name=name, start=parser.tool_call_start, end=parser.tool_call_end, parse=parser.parse_tool_call)


def _parser_for(template: str, get_vocabulary: Callable[[], dict[str, int]]) -> str | None:
    """mlx_lm's guess, which it does not make itself where a model has several templates."""
    library = cast("Any", import_module("mlx_lm.tokenizer_utils"))
    guess = cast("Callable[[object], str | None]", library._infer_tool_parser)
    return guess(SimpleNamespace(chat_template=template, get_vocab=get_vocabulary))
