"""Being called: who calls in a proper way gets an offer, and who takes it up a link."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, final

from exo_core.errors import ConnectError
from exo_core.link_handlers import LinkHandlers
from exo_core.task_scope import TaskScope
from exo_core.transports import Accept, Identity, Ticket
from exo_transport_webrtc.by_hand import WebrtcHandOffer, make_offer
from exo_transport_webrtc.complaints import Complaints
from exo_transport_webrtc.envelopes import Call, Proven
from exo_transport_webrtc.link import WebrtcLink
from exo_transport_webrtc.path_making import PathMaker
from exo_transport_webrtc.ways import Way

logger = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 10.0
"""From a call to its link."""

MOST_CALLS: Final = 32
"""So many of members are answered at once; each holds a socket per address."""

MOST_JOINING: Final = 8
"""So many of holders of join codes besides: whoever has one can call under any number of names."""

MOST_OF_A_CODE: Final = 2
"""So many of these by one code, which is good for one machine.

Who holds a code may hold both of its places, and could as well use it up: another code has places of its own.
"""


@final
class WebrtcListening:
    """A `Listening`."""

    def __init__(self, maker: PathMaker, accept: Accept, scope: TaskScope, tickets: Callable[[], list[Ticket]]) -> None:
        self._maker = maker
        self._handlers = LinkHandlers(accept)
        self._scope = scope
        self._tickets = tickets
        self._complaints = Complaints(logger)
        self._answering: Counter[str] = Counter()
        self._joining = 0

    @property
    def tickets(self) -> Sequence[Ticket]:
        """By which others call us now."""
        return self._tickets()

    def called(self, call: Proven[Call], way: Way) -> None:
        """For the exchange: somebody calls."""
        if not self._may_answer(call):
            self._complaints.about("calls", f"too many calls at once; one of {call.sender.node_id} is not answered")
            return
        answering = self._scope.start(self._answer(call, way), f"answering {call.sender.node_id}")
        if answering is not None:
            self._count(call, 1)  # now: many calls may come before the first of these tasks begins
            answering.add_done_callback(lambda _: self._count(call, -1))

    async def offer_by_hand(self, identity: Identity) -> WebrtcHandOffer:
        """See `OffersByHand`."""
        return await make_offer(identity, self._maker.settings, self._take)

    async def close(self) -> None:
        """Close all links."""
        await self._handlers.close()

    def _may_answer(self, call: Proven[Call]) -> bool:
        under = self._answering[call.to.authority_name]
        if call.to.role != "inviter":
            return under < MOST_CALLS
        return under < MOST_OF_A_CODE and self._joining < MOST_JOINING

    def _count(self, call: Proven[Call], change: int) -> None:
        under = call.to.authority_name
        self._answering[under] += change
        if not self._answering[under]:
            del self._answering[under]
        if call.to.role == "inviter":
            self._joining += change

    async def _answer(self, call: Proven[Call], way: Way) -> None:
        who = f"{call.sender.node_id} ({call.sender.role})"
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                link = await self._maker.answer(call, way)
        except TimeoutError:
            logger.info("%s called and then did not come", who)
        except ConnectError as problem:
            logger.info("no link with %s, who called: %s", who, problem)
        else:
            self._take(link)

    def _take(self, link: WebrtcLink) -> None:
        if self._handlers.is_closed:
            link.abandon()
        else:
            self._handlers.hand_over(link)
