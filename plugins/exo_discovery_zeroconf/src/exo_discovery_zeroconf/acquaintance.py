"""Is that one of ours? A member is suggested to the node, another cluster is told of once; nobody is believed."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Sequence
from typing import Protocol, final

from exo_core.network_interfaces.leading_to import by_way
from exo_core.network_interfaces.reading import NetworkInterface
from exo_core.transports import Ticket
from exo_discovery_zeroconf.announcement import Announcement

logger = logging.getLogger(__name__)


class Member(Protocol):
    """What of a `NodeHandle` is needed here."""

    def recognition_tag(self, nonce: bytes) -> bytes:
        """See `NodeHandle`."""
        ...

    def suggest_peer(self, *tickets: Ticket) -> None:
        """See `NodeHandle`."""
        ...


@final
class Acquaintance:
    """Remembers only whether another cluster was told of."""

    def __init__(self) -> None:
        self._foreign_was_told = False

    def hear(
        self,
        node: Member,
        announcement: Announcement,
        addresses: Sequence[str],
        interfaces: Sequence[NetworkInterface],
    ) -> None:
        """Somebody announces that at these addresses; `interfaces` are ours, best first."""
        reachable = by_way(addresses, interfaces)
        if hmac.compare_digest(announcement.tag, node.recognition_tag(announcement.nonce)):
            node.suggest_peer(*announcement.tickets(reachable))
        elif not self._foreign_was_told:
            self._foreign_was_told = True
            logger.warning(
                "another exo cluster is on this network (%s): to join it, run `exo invite` on one of its machines, "
                "then `exo run --join CODE` here",
                reachable[0] if reachable else "at an address that this machine does not know",
            )
