"""Whose message is this, and who waits for it? Judges every envelope that comes in, by whatever way."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, final

from exo_core.errors import AuthenticationError, WireError
from exo_core.transports import Identity, Peer
from exo_transport_webrtc.complaints import Complaints
from exo_transport_webrtc.envelopes import (
    NUMBER_BYTES,
    Answer,
    Call,
    Offer,
    Proven,
    Said,
    SaidT,
    Unproven,
    prove,
    read,
    sign,
)
from exo_transport_webrtc.path_description import PathDescription
from exo_transport_webrtc.ways import Way

logger = logging.getLogger(__name__)

REMEMBERED_CALLS: Final = 4096
"""So many of the last calls are recognised when they come again."""


@dataclass(frozen=True, eq=False)
class _Awaited(Generic[SaidT]):
    """What somebody waits for, and from whom."""

    sender: Peer
    future: asyncio.Future[tuple[Proven[SaidT], Way]]


@final
class Exchange:
    """One party's side of every exchange that is going on."""

    def __init__(self, identity: Identity, identity_named: Callable[[str], Identity | None]) -> None:
        self._identity = identity
        self._identity_named = identity_named
        self._offers: dict[bytes, _Awaited[Offer]] = {}
        self._answers: dict[bytes, _Awaited[Answer]] = {}
        self._heard: OrderedDict[bytes, Way] = OrderedDict()
        self._complaints = Complaints(logger)
        self.on_call: Callable[[Proven[Call], Way], None] | None = None
        """Told of each call while this party can be reached."""

    async def call(self, peer: Peer, ways: Sequence[Way]) -> tuple[Proven[Offer], Way]:
        """Call that party by all of these ways; its offer, and by which way it came. Waits as long as it takes."""
        number = _number()
        said = Call(authority=self._identity.authority_name, node_id=peer.node_id, role=peer.role, call=number)
        waiting = self._offers[number] = _Awaited(peer, asyncio.get_running_loop().create_future())
        try:
            for way in ways:
                await way.send(peer, sign(said, self._identity))
            return await waiting.future
        finally:
            del self._offers[number]

    async def answer(self, offer: Proven[Offer], way: Way, path: PathDescription) -> None:
        """Answer an offer."""
        said = Answer(
            authority=offer.to.authority_name,
            node_id=offer.sender.node_id,
            role=offer.sender.role,
            call=offer.said.call,
            offer=offer.said.offer,
            path=path,
        )
        await way.send(offer.sender, sign(said, offer.to))

    async def offer(self, call: Proven[Call], way: Way, path: PathDescription) -> Proven[Answer]:
        """Offer a path to who called; the answer. Waits as long as it takes."""
        number = _number()
        said = Offer(
            authority=call.to.authority_name,
            node_id=call.sender.node_id,
            role=call.sender.role,
            call=call.said.call,
            offer=number,
            path=path,
        )
        waiting = self._answers[number] = _Awaited(call.sender, asyncio.get_running_loop().create_future())
        try:
            await way.send(call.sender, sign(said, call.to))
            return (await waiting.future)[0]
        finally:
            del self._answers[number]

    def take(self, data: bytes, way: Way) -> None:
        """An envelope came. Whatever is wrong with it is logged, and nothing else happens."""
        try:
            unproven = read(data)
            identity = self._identity_of(unproven.said)
            if identity is not None and unproven.addressee == Peer(node_id=identity.node_id, role=identity.role):
                self._take(unproven, identity, way)
        except (WireError, AuthenticationError) as problem:
            self._complaints.about(type(problem).__name__, f"refused an envelope that came over {way!r}: {problem}")

    # inside ----------------------------------------------------------------------------------------------------------

    def _identity_of(self, said: Said) -> Identity | None:
        """Which of ours it may be for. None: one under another authority, or under a code that nobody knows here."""
        own = self._identity
        return own if said.authority == own.authority_name else self._identity_named(said.authority)

    def _take(self, unproven: Unproven, identity: Identity, way: Way) -> None:
        said, sender = unproven.said, prove(unproven.envelope, identity)
        if isinstance(said, Call):
            self._take_call(Proven(said, sender, identity), way)
        elif isinstance(said, Offer):
            _settle(self._offers.get(said.call), Proven(said, sender, identity), way)
        else:
            _settle(self._answers.get(said.offer), Proven(said, sender, identity), way)

    def _take_call(self, call: Proven[Call], way: Way) -> None:
        first_way = self._heard.get(call.said.call)
        if first_way is way:
            message = f"a call of {call.sender.node_id} ({call.sender.role}) that was heard before"
            raise AuthenticationError(message)
        if first_way is not None or self.on_call is None:
            return  # callers use every way that they have
        self._heard[call.said.call] = way
        if len(self._heard) > REMEMBERED_CALLS:
            _ = self._heard.popitem(last=False)
        self.on_call(call, way)


def _settle(awaited: _Awaited[SaidT] | None, proven: Proven[SaidT], way: Way) -> None:
    who = f"{proven.sender.node_id} ({proven.sender.role})"
    if awaited is None or awaited.future.done():
        message = f"what {who} says is for nobody who waits: it is late, or was said before"
        raise AuthenticationError(message)
    if awaited.sender != proven.sender:
        message = f"{who} spoke where {awaited.sender.node_id} ({awaited.sender.role}) was asked"
        raise AuthenticationError(message)
    awaited.future.set_result((proven, way))


def _number() -> bytes:
    return secrets.token_bytes(NUMBER_BYTES)
