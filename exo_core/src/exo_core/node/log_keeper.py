"""Which log this node keeps, where, and what is kept beside it when something is wrong."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import final

from exo_core.event_logs import EventLog, EventLogFactory
from exo_core.state.state import State
from exo_core.whole_files import replace_file

logger = logging.getLogger(__name__)


@final
class LogKeeper:
    """One log in one folder, opened at once. Raises what the factory raises."""

    def __init__(self, factory: EventLogFactory, folder: Path) -> None:
        self._factory = factory
        self._folder = folder
        self.log: EventLog = factory(folder)

    def reopen(self) -> EventLog:
        """Open it again: what turned bad meanwhile is set aside."""
        self.log.close()
        self.log = self._factory(self._folder)
        return self.log

    def keep_state(self, index: int, state: State) -> None:
        """A state that went wrong, for whoever wants to know how."""
        path = self._folder / f"state-{index}.json"
        replace_file(path, state.model_dump_json(indent=1).encode())
        logger.error("what this node had is kept in %s", path)

    def close(self) -> None:
        """Close the log as it is now."""
        self.log.close()
