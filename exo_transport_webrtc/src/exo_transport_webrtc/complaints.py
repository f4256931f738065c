"""How is it said that somebody misbehaves, without letting them fill the log?"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final, final

PAUSE_SECONDS: Final = 30.0


@final
class Complaints:
    """Says each kind of complaint at most twice a minute, and how many were left out."""

    def __init__(self, logger: logging.Logger, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._logger = logger
        self._monotonic = monotonic
        self._said_at: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def about(self, kind: str, sentence: str) -> None:
        """`kind` is one of a few words of ours; nothing that others send may be one."""
        now = self._monotonic()
        if now - self._said_at.get(kind, float("-inf")) < PAUSE_SECONDS:
            self._left_out[kind] = self._left_out.get(kind, 0) + 1
            return
        left_out = self._left_out.pop(kind, 0)
        self._said_at[kind] = now
        self._logger.warning("%s%s", sentence, f" ({left_out} more like it)" if left_out else "")
