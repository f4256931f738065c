"""Which consistency has this home's cluster? Kept beside the log: who has lost that must still keep the promise.

A node that took a `majority` cluster for one of `availability` would give its word to whoever asks, and would found
another kind of cluster when a person accepts that all is lost.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import final

from exo_core.identity.enrolment_messages import Consistency
from exo_core.state.state import State
from exo_core.whole_files import replace_file

logger = logging.getLogger(__name__)


@final
class KeptConsistency:
    """One word in a file; `value` is None until the log has said it once."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.value: Consistency | None = _read(file)

    async def follow(self, state: Callable[[], State], changes: Callable[[], AsyncGenerator[None]]) -> None:
        """Keep it as soon as the state says it; it never changes afterwards. Raises `OSError`."""
        async with aclosing(changes()) as changed:
            async for _ in changed:
                if state().created:
                    self._keep(state().consistency)
                    return

    def _keep(self, consistency: Consistency) -> None:
        if self.value != consistency:
            self.value = consistency
            replace_file(self._file, f"{consistency}\n".encode())


def _read(file: Path) -> Consistency | None:
    try:
        word = file.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return None
    except OSError as problem:
        logger.warning("cannot read %s (%s); the log will say it", file, problem.strerror)
        return None
    return "majority" if word == "majority" else "availability" if word == "availability" else None
