"""Built-in plugin `event_logs`: the log in SQLite, or in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exo_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from exo_core.event_logs import EventLogFactory
    from exo_core.registers import Register


@hookimpl
def exo_register_event_logs(register: Register[EventLogFactory]) -> None:
    """Offer `sqlite` and `memory`."""
    register("sqlite", "exo_core.log.sqlite_log:SqliteLog")
    register("memory", "exo_core.log.memory_log:MemoryLog")
