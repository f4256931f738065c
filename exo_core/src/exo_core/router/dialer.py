"""How does a node keep its links? It dials every known peer that it cannot reach, patiently."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import final

from exo_core.clock import Clock, Rng
from exo_core.errors import AuthenticationError, ConnectError
from exo_core.identifiers import NodeId
from exo_core.router.address_book import AddressBook
from exo_core.router.backoff import Backoff
from exo_core.router.introduction import Refused
from exo_core.router.settings import RouterSettings
from exo_core.task_scope import TaskScope
from exo_core.transports import Ticket

logger = logging.getLogger(__name__)

Dial = Callable[[Ticket, NodeId | None], Awaitable[NodeId]]
"""Make a link with a ticket (to that node, or to whoever is there) and say who it was. Raises `ConnectError`."""


@final
class _Pursuit:
    """What is known of one peer that is to be reached."""

    def __init__(self, backoff: Backoff) -> None:
        self.backoff = backoff
        self.unreachable = asyncio.Event()
        self.unreachable.set()
        self.news = asyncio.Event()
        self.met_at = 0.0
        self.task: asyncio.Task[None] | None = None


@final
class Dialer:
    """Pursues peers by node id, and hunts for whoever is behind a ticket whose owner is not known yet."""

    def __init__(
        self, *, book: AddressBook, dial: Dial, scope: TaskScope, clock: Clock, rng: Rng, settings: RouterSettings
    ) -> None:
        self.problems: dict[Ticket, str] = {}
        """Why the last attempt with each ticket failed; those that work are not here."""
        self._book = book
        self._dial = dial
        self._scope = scope
        self._clock = clock
        self._rng = rng
        self._settings = settings
        self._pursuits: dict[NodeId, _Pursuit] = {}
        self._hunted: set[Ticket] = set()
        self._kept: set[Ticket] = set()

    def learn(self, node_id: NodeId, tickets: Iterable[Ticket]) -> None:
        """A peer that is to be reached says, or is said, to be at these tickets."""
        self._book.told(node_id, tickets)
        pursuit = self._pursuits.get(node_id)
        if pursuit is None:
            pursuit = self._pursuits[node_id] = _Pursuit(self._backoff())
            pursuit.task = self._scope.start(self._pursue(node_id, pursuit), f"dialling {node_id}")
        pursuit.news.set()

    def hunt(self, ticket: Ticket, *, keep: bool) -> None:
        """Find out who is at a ticket; with `keep` for as long as it takes."""
        if keep:
            self._kept.add(ticket)
        if ticket not in self._hunted and self._book.owner(ticket) is None:
            self._hunted.add(ticket)
            self._scope.start(self._hunt(ticket), f"dialling {ticket}")

    def is_hunting(self, ticket: Ticket) -> bool:
        """Whether the owner of a ticket is being looked for."""
        return ticket in self._hunted

    def met(self, node_id: NodeId) -> None:
        """The peer is reachable now."""
        pursuit = self._pursuits[node_id]
        pursuit.met_at = self._clock.now()
        pursuit.unreachable.clear()
        pursuit.news.set()

    def lost(self, node_id: NodeId, *, at_once: bool) -> None:
        """The peer is not reachable any more; `at_once`: the first attempt does not wait."""
        pursuit = self._pursuits.get(node_id)
        if pursuit is not None:
            if self._clock.now() - pursuit.met_at > self._settings.dead_after:
                pursuit.backoff.reset(at_once=at_once)
            pursuit.unreachable.set()

    def forget(self, node_id: NodeId) -> None:
        """Stop wanting that peer."""
        self._book.forget(node_id)
        pursuit = self._pursuits.pop(node_id, None)
        if pursuit is not None and pursuit.task is not None:
            pursuit.task.cancel()

    async def _pursue(self, node_id: NodeId, pursuit: _Pursuit) -> None:
        while True:
            await pursuit.unreachable.wait()
            pursuit.news.clear()
            await self._pause(pursuit.backoff.next(), pursuit.news)
            for ticket in self._book.tickets(node_id):
                if not pursuit.unreachable.is_set() or await self._reached(ticket, node_id):
                    break

    async def _reached(self, ticket: Ticket, node_id: NodeId) -> bool:
        try:
            await self._attempt(ticket, node_id)
        except Refused:
            return True  # another address of the same node would say the same
        except AuthenticationError:
            self._book.lost(node_id, ticket)
            if ticket in self._kept:
                self.hunt(ticket, keep=True)
            return False
        except ConnectError:
            return False
        return True

    async def _hunt(self, ticket: Ticket) -> None:
        backoff = self._backoff()
        try:
            for attempt in itertools.count(1):
                await self._clock.sleep(backoff.next())
                if self._book.owner(ticket) is not None or await self._found(ticket):
                    return
                if attempt >= self._settings.suggestion_attempts and ticket not in self._kept:
                    return
        finally:
            self._hunted.discard(ticket)

    async def _found(self, ticket: Ticket) -> bool:
        """Whether the hunt is over: somebody was met, or it will never be anybody."""
        try:
            await self._attempt(ticket, None)
        except AuthenticationError:
            return ticket not in self._kept
        except ConnectError:
            return False
        return True

    async def _attempt(self, ticket: Ticket, node_id: NodeId | None) -> None:
        try:
            reached = await self._dial(ticket, node_id)
        except ConnectError as problem:
            if isinstance(problem, Refused) and problem.refusal.code == "duplicate":
                return
            if self.problems.get(ticket) != str(problem):
                self.problems[ticket] = str(problem)
                level = logging.WARNING if isinstance(problem, Refused) else logging.INFO  # a person has to act
                logger.log(level, "cannot reach %s: %s", ticket, problem)
            raise
        self.problems.pop(ticket, None)
        self._book.found(reached, ticket)

    async def _pause(self, seconds: float, news: asyncio.Event) -> None:
        """Wait that long, or until there is news of the peer."""
        if seconds <= 0:
            return
        waits = {asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(_heard(news))}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _backoff(self) -> Backoff:
        return Backoff(self._rng, first=self._settings.backoff_first, most=self._settings.backoff_most)


async def _heard(news: asyncio.Event) -> None:
    await news.wait()
