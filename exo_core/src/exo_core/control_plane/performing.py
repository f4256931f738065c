"""What becomes of what the participant puts out? It is sent, shown to the plugins, and answered to whoever waits."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

from exo_core.control_plane.command_desk import CommandDesk
from exo_core.control_plane.fact_desk import FactDesk
from exo_core.control_plane.inputs import (
    Acknowledged,
    CutTo,
    Decided,
    Differs,
    Installed,
    MasterIs,
    Outgoing,
    Output,
)
from exo_core.control_plane.ledger import Applied
from exo_core.control_plane.log_reader import LogReader
from exo_core.control_plane.messages import ReplicationMessage
from exo_core.control_plane.topics import ELECTION_TOPIC, LOG_TOPIC
from exo_core.control_plane.view import View
from exo_core.messaging import Messenger
from exo_core.node_handle import AppliedEvent
from exo_core.observations import Observation
from exo_core.plugins.manager import Plugins
from exo_core.state.state import State

logger = logging.getLogger(__name__)


@final
@dataclass(frozen=True, kw_only=True)
class Performing:
    """One node's, on its event loop. `keep_state` is given a state that went wrong, and at which entry."""

    view: View
    messenger: Messenger
    plugins: Plugins
    reader: LogReader
    desk: CommandDesk
    facts: FactDesk
    keep_state: Callable[[int, State], None]

    def perform(self, outputs: Sequence[Output], after: State) -> bool:
        """Do all of a turn; True when others may want to know. `after` is the state at its end."""
        changed = False
        for output in outputs:
            changed = self._perform(output, after) or changed
        return changed

    def _perform(self, output: Output, after: State) -> bool:
        match output:
            case Outgoing():
                self._send(output)
                return False
            case Applied():
                self.view.state = output.state
                self.plugins.event_applied(applied_event(output, replayed=False), output.state)
            case CutTo():
                self.reader.cut(output.length)
                self.plugins.state_rolled_back(output.length, after)
            case Installed():
                self.view.state = output.state
                self.reader.cut(0)  # how much of what was told is common is not known
                self.plugins.state_rolled_back(output.index, output.state)
            case Differs():
                logger.error("the state at entry %d differs from that of %s", output.index, ", ".join(output.peers))
                self.keep_state(output.index, output.state)
                return False
            case MasterIs():
                self._on_master(output)
            case Acknowledged():
                self.facts.came(output)
                return False
            case Decided():
                self.desk.decided(output)
                return False
        return True

    def _send(self, output: Outgoing) -> None:
        """Best effort: the protocol repeats whatever matters."""
        if isinstance(output.message, ReplicationMessage):
            self.messenger.send(output.to, LOG_TOPIC, output.message)
        else:
            self.messenger.send(output.to, ELECTION_TOPIC, output.message)

    def _on_master(self, change: MasterIs) -> None:
        self.view.master_id = change.master_id
        logger.info("term %d: %s", change.epoch.term, change.master_id or "no master")
        self.plugins.observe(Observation(kind="master_changed", subject=change.master_id or ""))


def applied_event(item: Applied, *, replayed: bool) -> AppliedEvent:
    """As plugins are told of it."""
    return AppliedEvent(index=item.index, entry=item.entry, event=item.event, replayed=replayed)
