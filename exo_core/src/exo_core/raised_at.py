"""Where did something go wrong? For logs, which may hold no prompt: what an exception says of itself may quote one."""

from __future__ import annotations

import traceback


def raised_at(problem: BaseException) -> str:
    """The kind of an exception and the frames it came through, innermost last, without its words."""
    frames = traceback.extract_tb(problem.__traceback__)
    places = " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
    return f"{type(problem).__name__} at {places}"
