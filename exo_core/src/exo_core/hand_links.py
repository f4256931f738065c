"""Links that a person arranges: what a transport may offer besides, for two machines that have nothing else in common.

One machine makes an offer, a person carries it to the other, which makes an answer of it, and the person carries that
back. Both are bytes, a kilobyte or two; the core writes them as text. A transport that needs more than two messages to
find a path, or none at all since it has addresses, does not offer this; nothing else asks for it.

How it goes, with `listening` of a transport's `serve` here, and a `transport` of the same kind there::

    offer = await listening.offer_by_hand(identity)             # here
    answer = await transport.answer_by_hand(offer.message)      # there, with the counterpart of that identity
    link = asyncio.create_task(answer.link())                   # there: waits for as long as the carrying takes
    peer = await offer.take(answer.message)                     # here; `accept` is handed the link
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from exo_core.transports import Identity, Link, Peer


class HandOffer(Protocol):
    """An offer that is on its way to another machine, or waits for the answer."""

    @property
    def message(self) -> bytes:
        """What is to be carried. Nobody but holders of the identity's meeting key can read it."""
        ...

    async def take(self, answer: bytes) -> Peer:
        """Make the link, hand it to `accept` as one that came in, and say who is at its other end.

        Raises `WireError` or `AuthenticationError` for what is no answer to this offer, which then still waits for one;
        `ConnectError` when no link came of a proper answer, after which the offer is void.
        """
        ...

    def close(self) -> None:
        """Wait no longer. May be called at any time, any number of times."""
        ...


@runtime_checkable
class OffersByHand(Protocol):
    """A `Listening` that can make offers."""

    async def offer_by_hand(self, identity: Identity) -> HandOffer:
        """Offer a link to whoever has business with that identity. Raises `ConnectError` without a network."""
        ...


class HandAnswer(Protocol):
    """An answer that is on its way back."""

    @property
    def message(self) -> bytes:
        """What is to be carried."""
        ...

    async def link(self) -> Link:
        """The link, once the other side has the answer. Waits for ever. Raises `ConnectError` when it cannot be."""
        ...

    def close(self) -> None:
        """Wait no longer; a link that was given lives on. May be called at any time, any number of times."""
        ...


@runtime_checkable
class AnswersByHand(Protocol):
    """A `Transport` that can answer offers."""

    async def answer_by_hand(self, offer: bytes) -> HandAnswer:
        """Answer an offer made to the identity that the transport was built with.

        Raises `WireError` for what is no offer, `AuthenticationError` for one that was not made for us, `ConnectError`
        without a network.
        """
        ...
