"""Calls that nothing held to their schemas: read when they are complete, and believed if they fit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import final

from exo_core.requests import ToolUse
from exo_engine.answers.argument_schemas import argument_check
from exo_engine.answers.calls import ToolText
from exo_engine.answers.tool_format import ToolCall, ToolDocument, ToolFormat
from exo_engine.answers.tool_grammar import functions_of


@final
class FoundCalls:
    """See `Calls`. A stretch is no call unless all of it may be called. `__init__` raises `RequestRefused` (400)."""

    def __init__(self, tool_format: ToolFormat, tools: Sequence[ToolDocument], use: ToolUse) -> None:
        self._format = tool_format
        self._tools = tools
        self._most = None if use.parallel else 1
        self._checks = {function.name: argument_check(function) for function in functions_of(tools, use)}
        self._marker = ""
        self._texts: list[str] = []
        self.count = 0

    def begin(self, marker: str) -> Iterator[ToolText]:
        """See `Calls`."""
        self._marker, self._texts = marker, []
        yield from ()

    def add(self, text: str) -> Iterator[ToolText]:
        """See `Calls`."""
        self._texts.append(text)
        yield from ()

    def end(self, marker: str) -> Iterator[ToolText | str]:
        """See `Calls`."""
        text = "".join(self._texts)
        calls = self._calls(text)
        if not calls:
            yield f"{self._marker}{text}{marker}"
        for call in calls[: self._most]:
            yield ToolText(self.count, json.dumps(dict(call.arguments), ensure_ascii=False), call.name)
            self.count += 1

    def _calls(self, text: str) -> Sequence[ToolCall]:
        try:
            calls = self._format.parse(text, self._tools)
        except Exception:  # parsers raise what they like for a text that is no call
            return ()
        return calls if all(self._may_be_made(call) for call in calls) else ()

    def _may_be_made(self, call: ToolCall) -> bool:
        check = self._checks.get(call.name)
        return check is not None and check(call.arguments)
