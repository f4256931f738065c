"""The transports of a node, listening: their tickets, and what they do with who comes in."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import final

from exo_core.errors import ConnectError, JoinError, UserError, WrongUsage
from exo_core.identity.enrolment_messages import Consistency
from exo_core.identity.invitations import Invitations
from exo_core.identity.join_code import MAXIMUM_TICKETS
from exo_core.node.hand_invitations import HandInvitations
from exo_core.node.membership import Membership
from exo_core.node.options import NodeOptions
from exo_core.node.switchboard import Switchboard
from exo_core.plugins.manager import Plugins
from exo_core.plugins.settings import settings_of
from exo_core.transports import Accept, Listening, Ticket, Transport, TransportContext


@final
@dataclass(kw_only=True)
class Door:
    """`transports` in order of preference. Tickets are known once `listening` is entered."""

    transports: Sequence[Transport]
    invitations: Invitations
    _listening: list[Listening] = field(default_factory=list[Listening])

    def __post_init__(self) -> None:
        self.by_hand = HandInvitations(self.invitations, self._named)

    @property
    def tickets(self) -> tuple[Ticket, ...]:
        """By which peers reach this node, best first."""
        return tuple(ticket for listening in self._listening for ticket in listening.tickets)

    @asynccontextmanager
    async def open(self, accept: Accept) -> AsyncGenerator[None]:
        """Listen on every transport. Raises `UserError` when one cannot."""
        async with AsyncExitStack() as stack:
            for transport in self.transports:
                try:
                    self._listening.append(await stack.enter_async_context(transport.serve(accept)))
                except ConnectError as problem:
                    raise UserError(str(problem)) from problem
            stack.callback(self.by_hand.close)
            yield

    def ticket(self, endpoint: str) -> Ticket:
        """What a person typed after --peer. Raises `WrongUsage`."""
        scheme = endpoint.partition("://")[0]
        for transport in self.transports:
            if transport.name == scheme:
                try:
                    return transport.ticket(endpoint)
                except ValueError as problem:
                    message = f"--peer {endpoint}: {problem}"
                    raise WrongUsage(message) from problem
        names = ", ".join(transport.name for transport in self.transports) or "none"
        message = (
            f"--peer {endpoint}: begin with a transport's name (chosen: {names}), for example tcp://10.0.0.2:52416"
        )
        raise WrongUsage(message)

    def invite(self, minutes: float) -> str:
        """A join code. Raises `JoinError` when nobody could use it."""
        if not self.tickets:
            message = "this node listens on no transport, so nobody could join it. Start it with --transport tcp"
            raise JoinError(message)
        return str(self.invitations.invite(self._told_joiners(), minutes=minutes))

    def _named(self) -> Iterable[tuple[str, Listening]]:
        return [(transport.name, found) for transport, found in zip(self.transports, self._listening, strict=False)]

    def _told_joiners(self) -> list[Ticket]:
        """A code holds few tickets: the best of each transport has to be among them."""
        best = {listening.tickets[0] for listening in self._listening if listening.tickets}
        kept = MAXIMUM_TICKETS - len(best)
        others = [ticket for ticket in self.tickets if ticket not in best][: max(0, kept)]
        return [ticket for ticket in self.tickets if ticket in best or ticket in others]


def make_door(
    plugins: Plugins,
    membership: Membership,
    options: NodeOptions,
    switchboard: Switchboard,
    consistency: Callable[[], Consistency],
) -> Door:
    """Build the chosen transports. Raises `PluginError` for a name that no plugin offers."""
    invitations = Invitations(membership.secret, membership.node_key, consistency=consistency)
    context = TransportContext(
        identity=membership.identity,
        listen=options.listen,
        identity_named=invitations.identity_named,
        identities_invited=lambda: invitations.identities,
    )
    register = plugins.transports()
    transports = [
        register.get(name)(
            replace(context, signaller=switchboard.signaller(name), settings=settings_of(name, os.environ))
        )
        for name in options.transports
    ]
    return Door(transports=transports, invitations=invitations)
