"""What does a failure leave in the log that nobody waited for, in a task or a callback of the event loop?

asyncio's own words for it quote the exception, and a callback's arguments: answers and prompts may be among them.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from exo_core.raised_at import raised_at

logger = logging.getLogger(__name__)


def log_without_words() -> None:
    """On the running event loop, from now on: the kind of the failure and its place."""
    asyncio.get_running_loop().set_exception_handler(_log)


def _log(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An asyncio exception handler. Without an exception the first line is asyncio's alone."""
    del loop
    problem: object = context.get("exception")
    if isinstance(problem, BaseException):
        logger.error("nobody waited for what failed: %s", raised_at(problem))
    else:
        logger.error("the event loop says: %s", str(context["message"]).partition("\n")[0])
