"""How a model marks what is in its text beside the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from exo_engine.answers.tool_format import ToolFormat

Section = Literal["content", "reasoning", "tool", "dropped"]
"""A stretch of text: what the client reads, a thought, calls of tools, and headers that nobody is told."""

Thinking = Literal["possible", "begun", "over"]
"""What a prompt leaves: the model may think first, the template has opened a thought, or it has closed one."""


@dataclass(frozen=True)
class Markup:
    """`edges` has for each section the markers that end it, each with the section it leads to; they are in none.

    `begins` is the section after a prompt that says nothing else. `thought` are the markers around one, `tokens` those
    tokens that stand for a text of their own (`<think>`), by that text. Where nothing marks calls, an answer is calls
    if it begins with `first_call`.
    """

    edges: Mapping[Section, tuple[tuple[str, Section], ...]] = field(
        default_factory=dict[Section, tuple[tuple[str, Section], ...]]
    )
    begins: Section = "content"
    thought: tuple[str, str] | None = None
    tool_format: ToolFormat | None = None
    first_call: str = ""
    tokens: Mapping[str, int] = field(default_factory=dict[str, int])

    def edges_for(self, *, calls: bool) -> Mapping[Section, tuple[tuple[str, Section], ...]]:
        """Those that hold for an answer. Without `calls` what looks like one is text."""
        if calls:
            return self.edges
        return {
            section: tuple(edge for edge in edges if edge[1] != "tool")
            for section, edges in self.edges.items()
            if section != "tool"
        }


NO_MARKUP = Markup()
"""All of the text is content."""
