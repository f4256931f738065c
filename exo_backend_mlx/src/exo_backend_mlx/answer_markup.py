"""How a model marks its thoughts and its calls of tools: from what mlx_lm knows of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from exo_backend_mlx.mlx_lm_facade.answer_marks import AnswerMarks
from exo_backend_mlx.tool_formats import ModelToolFormat
from exo_engine.answers.markup import Markup, Section

_SECTIONS: Mapping[str, Section] = {
    "normal": "content",
    "reasoning": "reasoning",
    "tool": "tool",
    "header": "dropped",
}
"""mlx_lm's words for states."""


def markup_of(marks: AnswerMarks, tool_format: ModelToolFormat | None) -> Markup:
    """The text of a thought is no call: other than in mlx_lm no marker leads from one to the other."""
    edges: dict[Section, list[tuple[str, Section]]] = {}
    for section, marker, to in _edges(marks, tool_format):
        if (section, to) != ("reasoning", "tool"):
            edges.setdefault(section, []).append((marker, to))
    texts = [marker for ways in edges.values() for marker, _ in ways]
    if tool_format is not None:
        texts.append(tool_format.letters)
    return Markup(
        edges={section: tuple(ways) for section, ways in edges.items()},
        begins=_SECTIONS.get(marks.initial or "normal", "content"),
        thought=marks.thought,
        tool_format=tool_format,
        first_call=tool_format.first_call if tool_format is not None else "",
        tokens={token: number for token, number in marks.tokens.items() if any(token in text for text in texts)},
    )


def _edges(marks: AnswerMarks, tool_format: ModelToolFormat | None) -> Iterator[tuple[Section, str, Section]]:
    if marks.thought is not None:
        yield "content", marks.thought[0], "reasoning"
        yield "reasoning", marks.thought[1], "content"
    if tool_format is not None and tool_format.start and not _says_where_calls_begin(marks):
        yield "content", tool_format.start, "tool"
    if tool_format is not None and tool_format.end:
        yield "tool", tool_format.end, "content"
    for marker in marks.structural:
        yield "content", marker, "content"
    for state, ways in marks.transitions.items():
        for marker, to in ways:
            yield _SECTIONS[state], marker, _SECTIONS[to]


def _says_where_calls_begin(marks: AnswerMarks) -> bool:
    return any(to == "tool" for ways in marks.transitions.values() for _, to in ways)
