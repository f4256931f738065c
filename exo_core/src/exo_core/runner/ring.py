"""The ring of a stage: its link to the next one, made; and the link from the previous one, awaited.

When a link dies both are closed, so that the news goes round; then the ring is made anew, for as long as it takes.
"""

from __future__ import annotations

import logging
import threading
from typing import final

from exo_core.backends import Ring
from exo_core.identity.leaf import RUNNER_PREFIX
from exo_core.runner.dialler import Dialler
from exo_core.runner.messages import Neighbour, Neighbours
from exo_core.runner.watched_link import WatchedLink
from exo_core.transports import BlockingLink, Peer

logger = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0


@final
class RingMaker:
    """Gives the engine thread its rings. `offer`, `meet` and `stop` may be called from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._dialler: Dialler | None = None
        self._neighbours: Neighbours | None = None
        self._waiting: BlockingLink | None = None
        """A link from the previous stage that no ring has yet."""
        self._current = Ring()
        self._dead: set[BlockingLink] = set()
        self._is_broken = False
        self._stopping = False

    @property
    def is_broken(self) -> bool:
        """Whether the engine holds a ring whose links are closed."""
        return self._is_broken

    def can_dial(self, dialler: Dialler) -> None:
        """There are transports now."""
        with self._changed:
            self._dialler = dialler
            self._changed.notify_all()

    def meet(self, neighbours: Neighbours) -> None:
        """These are the neighbours from now on; a ring with others is closed."""
        with self._changed:
            known, self._neighbours = self._neighbours, neighbours
            if known == neighbours:
                self._neighbours = known
                return
            if known is not None and _who(known) != _who(neighbours):
                self._break()
            if self._waiting is not None and not self._may_send(self._waiting):
                self._waiting.close()
                self._waiting = None
            self._changed.notify_all()

    def offer(self, link: BlockingLink) -> None:
        """A link came in. Anyone but the previous stage is turned away; a new link of its replaces an old one."""
        with self._changed:
            if self._stopping or not self._may_send(link):
                link.close()
                return
            if self._waiting is not None:
                self._waiting.close()
            self._waiting = link
            if self._neighbours is not None:
                self._break()
            self._changed.notify_all()

    def break_up(self) -> None:
        """Close the ring that the engine holds; all stages make a new one."""
        with self._changed:
            self._break()

    def stop(self) -> None:
        """Close everything; `next_ring` gives None from now on."""
        with self._changed:
            self._stopping = True
            self._break()
            if self._waiting is not None:
                self._waiting.close()
            self._changed.notify_all()

    def next_ring(self) -> Ring | None:
        """Wait until both links are there; None when stopping."""
        pause = FIRST_PAUSE_S
        while (found := self._wait_for_neighbours()) is not None:
            dialler, neighbours = found
            link = dialler.dial(neighbours.following.tickets, peer_of(neighbours.following))
            if link is None:
                self._pause(neighbours, pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)
                continue
            outgoing = WatchedLink(link, self._ended)
            ring = self._complete(outgoing, neighbours)
            if ring is not None:
                return ring
            outgoing.close()
            self._pause(neighbours, FIRST_PAUSE_S)
        return None

    def drop(self, ring: Ring) -> None:
        """Close a ring that broke."""
        _close(ring)
        with self._changed:
            self._current = Ring()
            self._is_broken = False
            self._dead.clear()

    def _wait_for_neighbours(self) -> tuple[Dialler, Neighbours] | None:
        with self._changed:
            self._changed.wait_for(self._knows_where_to_dial)
            if self._stopping or self._dialler is None or self._neighbours is None:
                return None
            return self._dialler, self._neighbours

    def _knows_where_to_dial(self) -> bool:
        return self._stopping or (self._dialler is not None and self._neighbours is not None)

    def _pause(self, neighbours: Neighbours, seconds: float) -> None:
        """Wait before dialling again, unless there is someone else to dial."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._neighbours is not neighbours, seconds)

    def _complete(self, outgoing: WatchedLink, neighbours: Neighbours) -> Ring | None:
        """Wait for the incoming link; None when the outgoing one dies first, or the neighbours change."""
        outgoing.watch()
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    self._stopping
                    or self._waiting is not None
                    or outgoing in self._dead
                    or self._neighbours is not neighbours
                )
            )
            changed = self._neighbours is None or _who(self._neighbours) != _who(neighbours)
            if self._stopping or changed or outgoing in self._dead or self._waiting is None:
                return None
            self._current = Ring(incoming=self._waiting, outgoing=outgoing)
            self._waiting = None
            return self._current

    def _ended(self, outgoing: BlockingLink) -> None:
        """Close the ring as soon as the next stage is gone."""
        with self._changed:
            self._dead.add(outgoing)
            if self._current.outgoing is outgoing:
                self._break()
            self._changed.notify_all()

    def _break(self) -> None:
        self._is_broken = self._current.outgoing is not None
        _close(self._current)

    def _may_send(self, link: BlockingLink) -> bool:
        """Whether it comes from the previous stage; as long as nobody said who that is, a link may wait."""
        if self._neighbours is None or link.peer == peer_of(self._neighbours.previous):
            return True
        logger.warning("turned away %s; only %s may send to this stage", link.peer, self._neighbours.previous.runner_id)
        return False


def peer_of(neighbour: Neighbour) -> Peer:
    """Who a neighbour proves to be."""
    return Peer(node_id=neighbour.node_id, role=RUNNER_PREFIX + neighbour.runner_id)


def _who(neighbours: Neighbours) -> tuple[Peer, Peer]:
    return peer_of(neighbours.previous), peer_of(neighbours.following)


def _close(ring: Ring) -> None:
    for link in (ring.incoming, ring.outgoing):
        if link is not None:
            link.close()
