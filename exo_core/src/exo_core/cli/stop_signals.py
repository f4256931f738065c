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


def on_next_signal(act: Callable[[], None]) -> None:
    """The running loop calls `act` at the next signal; one more ends the process at once, unless it says otherwise."""
    loop = asyncio.get_running_loop()

    def signalled() -> None:
        end_at_next_signal()
        act()

    for number in SIGNALS:
        loop.add_signal_handler(number, signalled)


def end_at_next_signal() -> None:
    """Whatever the loop does then."""
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.remove_signal_handler(number)
        signal.signal(number, _end_at_once)


def _leave(number: int, frame: FrameType | None) -> None:
    os._exit(0)  # not SystemExit: this may interrupt the import of a plugin, which would be taken for broken


def _end_at_once(number: int, frame: FrameType | None) -> None:
    os._exit(128 + number)  # runners end with their pipe, the home's lock with the process
