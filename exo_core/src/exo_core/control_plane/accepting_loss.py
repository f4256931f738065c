"""A person says at a running node that what its log has lost will not come back; it takes a moment to be so."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from exo_core.clock import Clock
from exo_core.control_plane.inputs import LossAccepted
from exo_core.control_plane.log_thread import LogThread
from exo_core.control_plane.view import View
from exo_core.errors import UserError
from exo_core.identifiers import NodeId

logger = logging.getLogger(__name__)

ACCEPT_LOSS_S = 10.0
ASK_AGAIN_S = 0.25


@final
@dataclass(frozen=True, kw_only=True)
class AcceptingLoss:
    """At one node. `put` gives the person's word to the participant."""

    node_id: NodeId
    view: View
    thread: LogThread
    clock: Clock
    put: Callable[[LossAccepted], None]

    async def accept(self, damage: str) -> None:
        """Go on without what that sentence says is lost. Returns once it is so.

        Raises `UserError` when a master restores it instead, when other things are lost by now, or when the disk takes
        no write for `ACCEPT_LOSS_S`.
        """
        until = self.clock.now() + ACCEPT_LOSS_S
        logger.warning("a person accepts the loss: %s", damage)
        while self.thread.damage is not None:
            is_restored = self.view.master_id not in (None, self.node_id)
            if is_restored or self.thread.damage != damage or self.clock.now() >= until:
                message = f"this loss was not accepted ({damage}): {self.view.trouble}. See: exo status"
                raise UserError(message)
            self.put(LossAccepted(damage))
            await self.clock.sleep(ASK_AGAIN_S)
