"""What must a person know before accepting that part of a log is lost? What that is, and who has more of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import final

from exo_core.control_plane.control_plane import ControlPlane
from exo_core.errors import UserError
from exo_core.identifiers import NodeId
from exo_core.messaging import Messenger
from exo_core.telemetry import NodeTelemetry


@final
@dataclass(frozen=True)
class Loss:
    """Of this node's log."""

    control_plane: ControlPlane
    messenger: Messenger
    measured: Mapping[NodeId, NodeTelemetry]

    async def accept(self, confirmed: str | None) -> str:
        """What is lost; the node goes on without it once just that is `confirmed`.

        Raises `UserError` when nothing is lost, when that is not what was confirmed, when a master restores it, and in
        `availability` when a machine that can be reached has more of the log: one machine is enough there, and it is to
        be that one.
        """
        damage = self._damage()
        longer = [*self._longer()]
        if longer and self.control_plane.consistency == "availability":
            way_out = (
                "Type exo accept-loss there, or mend what keeps it from leading (exo status): here more would be lost"
            )
            message = f"{' '.join(longer)} {way_out}"
            raise UserError(message)
        told = " ".join([damage, *longer])
        if confirmed not in (None, told):
            message = f"what is lost is no more what was confirmed. It is: {told}"
            raise UserError(message)
        if confirmed is not None:
            await self.control_plane.accept_loss(damage)
        return told

    def _damage(self) -> str:
        """Raises `UserError` when there is none to accept."""
        damage, master_id = self.control_plane.damage, self.control_plane.master_id
        if damage is None:
            message = "nothing of this machine's log is lost. What is wrong elsewhere is shown by: exo status"
            raise UserError(message)
        if master_id is not None:
            message = f"this machine's log is being restored from {master_id}; nothing need be lost. See: exo status"
            raise UserError(message)
        return damage

    def _longer(self) -> Iterator[str]:
        """A sentence for every machine that can be reached and whose log goes on further."""
        ours = self.control_plane.log_view.length
        for node_id in sorted(self.messenger.reachable):
            told = self.measured.get(node_id)
            if told is not None and told.log_length > ours:
                yield f"The log of {told.name} goes on to entry {told.log_length}, this machine's to {ours}."
