"""Where members were reached last, kept beside the log: a machine that restarts finds its cluster again."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import final

from pydantic import TypeAdapter, ValidationError

from exo_core.identifiers import NodeId
from exo_core.transports import Ticket
from exo_core.whole_files import replace_file

logger = logging.getLogger(__name__)

_TICKETS: TypeAdapter[dict[NodeId, tuple[Ticket, ...]]] = TypeAdapter(dict[NodeId, tuple[Ticket, ...]])


@final
class KnownPeers:
    """Tickets by member, in a JSON file. They are hints: losing them loses nothing that cannot be told again."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self.tickets = _TICKETS.validate_json(file.read_bytes())
        except FileNotFoundError:
            self.tickets = {}
        except (OSError, ValidationError) as problem:
            reason = problem.strerror if isinstance(problem, OSError) else "it holds something else"
            logger.warning("cannot read %s (%s); peers must be told again with --peer or --join", file, reason)
            self.tickets = {}

    def forget(self, node_id: NodeId) -> None:
        """It is no member any more."""
        if self.tickets.pop(node_id, None) is not None:
            self._write()

    def learn(self, node_id: NodeId, tickets: tuple[Ticket, ...]) -> None:
        """A member was reached, and says that these lead to it."""
        if tickets and self.tickets.get(node_id) != tickets:
            self.tickets[node_id] = tickets
            self._write()

    def _write(self) -> None:
        replace_file(self._file, _TICKETS.dump_json(self.tickets, indent=1))
