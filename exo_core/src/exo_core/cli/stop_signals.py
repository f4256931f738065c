"""What SIGINT and SIGTERM mean to `exo run`, from its first moment on."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def leave_on_signals() -> None:
    """While nothing was started yet: the process ends, and all is well."""
    for number in SIGNALS:
        signal.signal(number, _leave)


def on_first_signal(stop: Callable[[], None]) -> None:
    """The running loop calls `stop` at the first signal; a second one ends the process at once."""
    loop = asyncio.get_running_loop()

    def first() -> None:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, _end_at_once)
        stop()

    for number in SIGNALS:
        loop.add_signal_handler(number, first)


def _leave(number: int, frame: FrameType | None) -> None:
    os._exit(0)  # not SystemExit: this may interrupt the import of a plugin, which would be taken for broken


def _end_at_once(number: int, frame: FrameType | None) -> None:
    os._exit(128 + number)  # runners end with their pipe, the home's lock with the process
