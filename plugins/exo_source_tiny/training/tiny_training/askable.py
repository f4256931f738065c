"""A tool together with how people ask for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import final

from tiny_training.tools import Call, Tool


@final
@dataclass(frozen=True, slots=True)
class AskableTool:
    """`ask` gives a request in words, before noise, and the one right call for it."""

    tool: Tool
    ask: Callable[[Random], tuple[str, Call]]
