"""Where did something go wrong? For logs, which may hold no prompt: what an exception says of itself may quote one."""

from __future__ import annotations

import os
import traceback
from typing import cast


def raised_at(problem: BaseException) -> str:
    """The kind of an exception and the frames it came through, innermost last, without its words.

    Of a system's error its name is told too, and of a group what is in it.
    """
    frames = traceback.extract_tb(problem.__traceback__)
    places = " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
    told = f"{_kind(problem)} at {places}"
    if isinstance(problem, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", problem)
        told = "; ".join([told, *map(raised_at, group.exceptions)])
    return told


def _kind(problem: BaseException) -> str:
    name = type(problem).__name__
    if isinstance(problem, OSError) and problem.errno is not None:
        return f"{name} ({os.strerror(problem.errno)})"
    return name
