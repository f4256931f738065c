"""By which tickets may a node be reached, and in which order are they tried?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import final

from exo_core.identifiers import NodeId
from exo_core.transports import Ticket


def scheme(ticket: Ticket) -> str:
    """The transport that a ticket is for."""
    return ticket.partition("://")[0]


@final
class AddressBook:
    """Tickets by node. `schemes` are our transports, the preferred one first; other tickets are kept and not tried."""

    def __init__(self, schemes: Sequence[str]) -> None:
        self._rank = {name: place for place, name in enumerate(schemes)}
        self._told: dict[NodeId, tuple[Ticket, ...]] = {}
        self._found: dict[NodeId, dict[Ticket, None]] = {}

    def told(self, node_id: NodeId, tickets: Iterable[Ticket]) -> bool:
        """What the node says of itself, best first; replaces what it said before. Whether that is news."""
        before, self._told[node_id] = self._told.get(node_id), tuple(tickets)
        return before != self._told[node_id]

    def found(self, node_id: NodeId, ticket: Ticket) -> None:
        """A ticket that led to the node; it belongs to no other any more."""
        for tickets in self._found.values():
            tickets.pop(ticket, None)
        self._found.setdefault(node_id, {})[ticket] = None

    def lost(self, node_id: NodeId, ticket: Ticket) -> None:
        """That ticket leads to somebody else now."""
        self._found.get(node_id, {}).pop(ticket, None)
        self._told[node_id] = tuple(other for other in self._told.get(node_id, ()) if other != ticket)

    def forget(self, node_id: NodeId) -> None:
        """Nobody wants to reach that node any more."""
        self._told.pop(node_id, None)
        self._found.pop(node_id, None)

    def owner(self, ticket: Ticket) -> NodeId | None:
        """Whom the ticket leads to, as far as known."""
        for node_id, tickets in [*self._found.items(), *self._told.items()]:
            if ticket in tickets:
                return node_id
        return None

    def better(self, node_id: NodeId, than: Collection[Ticket]) -> list[Ticket]:
        """What is to be tried before the ticket that goes by these names; all, if it has none.

        Nothing, if the node never told it: nobody knows how good an address is that was found otherwise.
        """
        tickets, told = self.tickets(node_id), self._told.get(node_id, ())
        places = [place for place, ticket in enumerate(tickets) if ticket in than and ticket in told]
        return tickets[: min(places, default=0)] if than else tickets

    def tickets(self, node_id: NodeId) -> list[Ticket]:
        """What to try, in order: by transport, then as the node told them, then those found otherwise."""
        known = dict.fromkeys((*self._told.get(node_id, ()), *self._found.get(node_id, {})))
        usable = [ticket for ticket in known if scheme(ticket) in self._rank]
        return sorted(usable, key=lambda ticket: self._rank[scheme(ticket)])
