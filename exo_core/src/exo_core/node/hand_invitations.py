"""Join codes for machines that reach this one by no address: an offer that a person carries, and its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, final

from exo_core.errors import AuthenticationError, ConnectError, JoinError, WireError
from exo_core.hand_links import HandOffer, OffersByHand
from exo_core.identifiers import NodeId
from exo_core.identity.carried_texts import CarriedOffer, parse_answer
from exo_core.identity.invitations import Invitations
from exo_core.transports import Listening

MOST_OFFERS: Final = 4
"""So many wait at once; each holds sockets. A new one takes the place of the oldest."""

_AGAIN: Final = "Run `exo invite --by-hand` again"


@final
class HandInvitations:
    """The offers of this node that wait for their answers."""

    def __init__(self, invitations: Invitations, listening: Callable[[], Iterable[tuple[str, Listening]]]) -> None:
        """`listening` gives what listens now, with the names of the transports."""
        self._invitations = invitations
        self._listening = listening
        self._waiting: dict[HandOffer, asyncio.TimerHandle] = {}

    async def invite(self, minutes: float) -> str:
        """The text to carry; an answer is waited for as long. Raises `JoinError` when no transport can be met so."""
        transport, listening = self._able()
        code = self._invitations.invite((), minutes=minutes)
        identity = self._invitations.identity_named(code.authority.name)
        assert identity is not None, "it was made a moment ago"  # noqa: S101
        try:
            offer = await listening.offer_by_hand(identity)
        except ConnectError as problem:
            raise JoinError(str(problem)) from problem
        self._wait(offer, minutes * 60)
        return str(CarriedOffer(code=code, transport=transport, message=offer.message))

    async def answer(self, text: str) -> NodeId:
        """Make the link that the answer is for; who is at its other end, and joins now.

        Raises `JoinError` for a text that is no answer to any offer that waits, which changes nothing; `ConnectError`
        when the two machines do not reach each other, after which the offer waits no longer.
        """
        message = parse_answer(text)
        if not self._waiting:
            nobody = f"no offer waits for an answer: its time is over, or it was answered. {_AGAIN}"
            raise JoinError(nobody)
        for offer in list(self._waiting):
            try:
                peer = await offer.take(message)
            except (WireError, AuthenticationError):  # another's
                continue
            except ConnectError:
                self._forget(offer)
                raise
            self._forget(offer)
            return peer.node_id
        foreign = f"this answers none of the offers that wait here: it is for another machine, or too late. {_AGAIN}"
        raise JoinError(foreign)

    def close(self) -> None:
        """Wait no longer."""
        for offer in list(self._waiting):
            self._forget(offer)

    def _able(self) -> tuple[str, OffersByHand]:
        for transport, listening in self._listening():
            if isinstance(listening, OffersByHand):
                return transport, listening
        message = "no transport of this node makes links by hand. Start it with one that does: --transport webrtc"
        raise JoinError(message)

    def _wait(self, offer: HandOffer, seconds: float) -> None:
        if len(self._waiting) >= MOST_OFFERS:
            self._forget(next(iter(self._waiting)))
        self._waiting[offer] = asyncio.get_running_loop().call_later(seconds, self._forget, offer)

    def _forget(self, offer: HandOffer) -> None:
        timer = self._waiting.pop(offer, None)
        if timer is not None:
            timer.cancel()
            offer.close()
