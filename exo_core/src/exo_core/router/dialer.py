"""How does a node keep its links? It dials every known peer that it cannot reach, patiently."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Collection, Iterable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Literal, Protocol, final

from exo_core.clock import Clock, Rng
from exo_core.errors import AuthenticationError, ConnectError
from exo_core.identifiers import NodeId
from exo_core.placement import RELAY
from exo_core.router.address_book import AddressBook, scheme
from exo_core.router.backoff import Backoff
from exo_core.router.introduction import Refused
from exo_core.router.race import Failed, Race
from exo_core.router.settings import RouterSettings
from exo_core.task_scope import TaskScope
from exo_core.transports import Link, Ticket

logger = logging.getLogger(__name__)

Answer = Literal["yes", "no", "silence"]
"""What an introduction came to: there is a link, there will be none, or nobody introduced itself."""


class Caller(Protocol):
    """How a call is made."""

    async def connect(self, ticket: Ticket, expect: NodeId | None) -> Link:
        """A fresh link by a ticket, to that node or to whoever is there. Raises `ConnectError`."""
        ...

    async def introduce(self, link: Link, ticket: Ticket, *, better: bool) -> None:
        """Make it the live link of its peer, or close it when none is wanted. Raises `ConnectError`.

        `better`: than the live link, whose place it is to take.
        """
        ...


class Outlook(Protocol):
    """What the dialer has to know of the present."""

    def worse_than(self, node_id: NodeId) -> Collection[Ticket] | None:
        """The names of the ticket of the peer's live link, none if every other is better.

        None when it is not for this node to look for a better one.
        """
        ...

    def relays(self, node_id: NodeId) -> Sequence[Ticket]:
        """Tickets of peers that might carry a link to that node."""
        ...


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
    """Pursues peers by node id, and hunts for whoever is behind tickets whose owner is not known yet."""

    def __init__(
        self,
        *,
        book: AddressBook,
        caller: Caller,
        outlook: Outlook,
        scope: TaskScope,
        clock: Clock,
        rng: Rng,
        settings: RouterSettings,
    ) -> None:
        self.problems: dict[Ticket, str] = {}
        """Why the last attempt with each ticket failed; those that work are not here."""
        self._book = book
        self._caller = caller
        self._outlook = outlook
        self._scope = scope
        self._clock = clock
        self._rng = rng
        self._settings = settings
        self._pursuits: dict[NodeId, _Pursuit] = {}
        self._hunted: set[Ticket] = set()
        self._kept: set[Ticket] = set()

    def learn(self, node_id: NodeId, tickets: Iterable[Ticket]) -> None:
        """A peer that is to be reached says, or is said, to be at these tickets."""
        is_news = self._book.told(node_id, tickets)
        pursuit = self._pursuits.get(node_id)
        if pursuit is None:
            pursuit = self._pursuits[node_id] = _Pursuit(self._backoff())
            pursuit.task = self._scope.start(self._pursue(node_id, pursuit), f"dialling {node_id}")
        if is_news or pursuit.unreachable.is_set():
            pursuit.news.set()

    def hunt(self, tickets: Sequence[Ticket], *, keep: bool) -> None:
        """Find out who is at these tickets, all of one listener, best first; with `keep` for as long as it takes."""
        if keep:
            self._kept.update(tickets)
        unknown = [ticket for ticket in tickets if self._book.owner(ticket) is None and ticket not in self._hunted]
        if unknown and not any(self._is_reached(ticket) for ticket in tickets):
            self._hunted.update(unknown)
            self._scope.start(self._hunt(unknown), f"dialling {', '.join(unknown)}")

    def _is_reached(self, ticket: Ticket) -> bool:
        owner = self._book.owner(ticket)
        pursuit = None if owner is None else self._pursuits.get(owner)
        return pursuit is not None and not pursuit.unreachable.is_set()

    def is_hunting(self, ticket: Ticket) -> bool:
        """Whether the owner of a ticket is being looked for."""
        return ticket in self._hunted

    def met(self, node_id: NodeId) -> None:
        """The peer is reachable now."""
        pursuit = self._pursuits[node_id]
        pursuit.met_at = self._clock.now()
        pursuit.unreachable.clear()
        pursuit.news.set()
        for ticket in self._book.tickets(node_id):  # those that fail do no harm now
            self.problems.pop(ticket, None)

    def lost(self, node_id: NodeId, *, at_once: bool) -> None:
        """The peer is not reachable any more; `at_once`: the first attempt does not wait."""
        pursuit = self._pursuits.get(node_id)
        if pursuit is not None:
            if self._clock.now() - pursuit.met_at > self._settings.dead_after:
                pursuit.backoff.reset(at_once=at_once)
            pursuit.unreachable.set()
            pursuit.news.set()

    def forget(self, node_id: NodeId) -> None:
        """Stop wanting that peer."""
        self._book.forget(node_id)
        pursuit = self._pursuits.pop(node_id, None)
        if pursuit is not None and pursuit.task is not None:
            pursuit.task.cancel()

    # one peer ----------------------------------------------------------------------------------------------------

    async def _pursue(self, node_id: NodeId, pursuit: _Pursuit) -> None:
        while True:
            if not pursuit.unreachable.is_set():
                await self._improve(node_id, pursuit)
            pursuit.news.clear()
            await self._pause(pursuit.backoff.next(), pursuit.news)
            if pursuit.unreachable.is_set():
                await self._reach(node_id, pursuit)

    async def _reach(self, node_id: NodeId, pursuit: _Pursuit) -> None:
        """One attempt with every ticket, and then with peers that may pass things on."""
        tickets = [*self._book.tickets(node_id), *self._outlook.relays(node_id)]
        async with aclosing(self._race(tickets, node_id, partial(self._failed_for, node_id)).links()) as links:
            async for ticket, link in links:
                if not pursuit.unreachable.is_set():
                    await link.close()
                    return
                if await self._meet(ticket, link) != "silence":  # another address of the same node would say the same
                    return

    async def _improve(self, node_id: NodeId, pursuit: _Pursuit) -> None:
        """While the peer is reached, look for a better link than the one that there is."""
        backoff = Backoff(self._rng, first=self._settings.improve_first, most=self._settings.improve_most)
        while not pursuit.unreachable.is_set():
            if pursuit.news.is_set():
                pursuit.news.clear()
                backoff.reset(at_once=False)
            await self._pause(backoff.next(), pursuit.news)
            worse = self._outlook.worse_than(node_id)
            if worse is not None and not pursuit.unreachable.is_set():
                await self._reach_better(node_id, self._book.better(node_id, worse))

    async def _reach_better(self, node_id: NodeId, tickets: Sequence[Ticket]) -> None:
        def failed(ticket: Ticket, problem: ConnectError) -> None:
            if isinstance(problem, AuthenticationError):
                self._book.lost(node_id, ticket)

        async with aclosing(self._race(tickets, node_id, failed).links()) as links:
            async for ticket, link in links:
                if await self._meet(ticket, link, better=True) != "silence":
                    return

    def _failed_for(self, node_id: NodeId, ticket: Ticket, problem: ConnectError) -> None:
        self._note(ticket, problem)
        if isinstance(problem, AuthenticationError):
            self._book.lost(node_id, ticket)
            if ticket in self._kept:
                self.hunt([ticket], keep=True)

    # one listener ------------------------------------------------------------------------------------------------

    async def _hunt(self, tickets: Sequence[Ticket]) -> None:
        backoff = self._backoff()
        left = dict.fromkeys(tickets)
        try:
            for attempt in itertools.count(1):
                await self._clock.sleep(backoff.next())
                if any(self._book.owner(ticket) is not None for ticket in tickets) or await self._found(left):
                    return
                if attempt >= self._settings.suggestion_attempts and self._kept.isdisjoint(tickets):
                    return
        finally:
            self._hunted.difference_update(tickets)

    async def _found(self, left: dict[Ticket, None]) -> bool:
        """Whether the hunt is over: somebody was met, or it will never be anybody. Takes hopeless tickets away."""
        async with aclosing(self._race(list(left), None, partial(self._failed_hunt, left)).links()) as links:
            async for ticket, link in links:
                answer = await self._meet(ticket, link)
                if answer != "silence":
                    return answer == "yes"
        return not left

    def _failed_hunt(self, left: dict[Ticket, None], ticket: Ticket, problem: ConnectError) -> None:
        self._note(ticket, problem)
        if isinstance(problem, AuthenticationError) and ticket not in self._kept:
            del left[ticket]

    # both --------------------------------------------------------------------------------------------------------

    def _race(self, tickets: Sequence[Ticket], expect: NodeId | None, failed: Failed) -> Race[Link]:
        return Race(
            tickets,
            lambda ticket: self._caller.connect(ticket, expect),
            failed,
            close=lambda link: link.close(),
            sleep=self._clock.sleep,
            head_start=self._head_start,
        )

    def _head_start(self, ticket: Ticket) -> float:
        return self._settings.relay_patience if scheme(ticket) == RELAY else self._settings.head_start

    async def _meet(self, ticket: Ticket, link: Link, *, better: bool = False) -> Answer:
        """Introduce this node over a link that won its race."""
        node_id = link.peer.node_id
        try:
            await self._caller.introduce(link, ticket, better=better)
        except ConnectError as problem:
            if isinstance(problem, Refused) and problem.refusal.code == "duplicate":
                return "yes"
            self._note(ticket, problem)
            return "no" if isinstance(problem, Refused) else "silence"
        self.problems.pop(ticket, None)
        if scheme(ticket) != RELAY:
            self._book.found(node_id, ticket)
        return "yes"

    def _note(self, ticket: Ticket, problem: ConnectError) -> None:
        """Keep what a person may want to know; that a relay has no way either is not among it."""
        if scheme(ticket) == RELAY:
            return
        if self.problems.get(ticket) != str(problem):
            self.problems[ticket] = str(problem)
            level = logging.WARNING if isinstance(problem, Refused) else logging.INFO  # a person has to act
            logger.log(level, "cannot reach %s: %s", ticket, problem)

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
