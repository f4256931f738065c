"""Being called: who calls in a proper way gets an offer, and who takes it up a link."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final, final

from exo_core.errors import ConnectError
from exo_core.link_handlers import LinkHandlers
from exo_core.task_scope import TaskScope
from exo_core.transports import Accept, Identity, Ticket
from exo_transport_webrtc.by_hand import WebrtcHandOffer, make_offer
from exo_transport_webrtc.envelopes import Call, Proven
from exo_transport_webrtc.link import WebrtcLink
from exo_transport_webrtc.path_making import PathMaker
from exo_transport_webrtc.ways import Way

logger = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 10.0
"""From a call to its link."""

MOST_CALLS: Final = 32
"""So many are answered at once; each holds a socket per address."""


@final
class WebrtcListening:
    """A `Listening`."""

    def __init__(self, maker: PathMaker, accept: Accept, scope: TaskScope, tickets: Callable[[], list[Ticket]]) -> None:
        self._maker = maker
        self._handlers = LinkHandlers(accept)
        self._scope = scope
        self._tickets = tickets
        self._answering = 0

    @property
    def tickets(self) -> Sequence[Ticket]:
        """By which others call us now."""
        return self._tickets()

    def called(self, call: Proven[Call], way: Way) -> None:
        """For the exchange: somebody calls."""
        if self._answering >= MOST_CALLS:
            logger.warning("too many calls at once; one of %s is not answered", call.sender.node_id)
            return
        _ = self._scope.start(self._answer(call, way), f"answering {call.sender.node_id}")

    async def offer_by_hand(self, identity: Identity) -> WebrtcHandOffer:
        """See `OffersByHand`."""
        return await make_offer(identity, self._maker.settings, self._take)

    async def close(self) -> None:
        """Close all links."""
        await self._handlers.close()

    async def _answer(self, call: Proven[Call], way: Way) -> None:
        who = f"{call.sender.node_id} ({call.sender.role})"
        self._answering += 1
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                link = await self._maker.answer(call, way)
        except TimeoutError:
            logger.info("%s called and then did not come", who)
        except ConnectError as problem:
            logger.info("no link with %s, who called: %s", who, problem)
        else:
            self._take(link)
        finally:
            self._answering -= 1

    def _take(self, link: WebrtcLink) -> None:
        if self._handlers.is_closed:
            link.abandon()
        else:
            self._handlers.hand_over(link)
