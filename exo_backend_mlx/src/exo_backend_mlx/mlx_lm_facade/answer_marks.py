"""What mlx_lm knows of a model's answers: markers of thoughts and calls, and the parser of calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
    template: object = known.chat_template
    return AnswerMarks(
        thought=(known.think_start, known.think_end) if known.has_thinking else None,
        calls=_calls(wrapper),
        structural=tuple(known.structural_markers),
        transitions=dict(known.response_transitions),
        initial=cast("str | None", known.response_initial_state),
        template=template if isinstance(template, str) else "",
        tokens=dict(known.get_added_vocab()),
    )


def _calls(wrapper: object) -> CallMarks | None:
    known = cast("Any", wrapper)
    if not known.has_tool_calling:
        return None
    return CallMarks(
        name=str(known.init_kwargs.get("tool_parser_type", "")),
        start=known.tool_call_start,
        end=known.tool_call_end or "",
        parse=known.tool_parser,
    )
