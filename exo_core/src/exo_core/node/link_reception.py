"""Who comes in at a node's door: members go to the router, joiners to the invitations, nobody else stays."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from exo_core.errors import TransportError, WireError
from exo_core.identity.invitations import Invitations
from exo_core.router.router import Router
from exo_core.transports import Link, Ticket

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class LinkReception:
    """The `Accept` of every transport of a node."""

    router: Router
    invitations: Invitations
    tickets: Callable[[], Sequence[Ticket]]

    async def __call__(self, link: Link) -> None:
        """Hand a link to whom its proven role belongs; return when it is over."""
        try:
            if link.peer.role == "node":
                await self.router.accept(link)
            elif link.peer.role == "joiner":
                await self.invitations.admit(link, self.tickets(), keep=self.router.accept)
            else:
                logger.warning("refused a link of %s, which is %s, from %s", *_who(link))
        except (TransportError, WireError) as problem:
            logger.info("the link with %s, %s, from %s ended: %s", *_who(link), problem)


def _who(link: Link) -> tuple[str, str, str]:
    return link.peer.node_id, link.peer.role, link.address
