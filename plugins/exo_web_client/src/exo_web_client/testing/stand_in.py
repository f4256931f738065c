"""A browser's side of it all, without a browser: what is said in the room, the path, requests over the channel.

`spoil` changes what it says in the room before it is sealed, so that tests can misbehave as no page does.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, final

from exo_core.transports import Link
from exo_transport_webrtc.path_making import linked
from exo_transport_webrtc.room_way import RoomWay
from exo_transport_webrtc.rtc_facade import Path
from exo_transport_webrtc.ways import Way
from exo_transport_webrtc.webrtc_settings import WebrtcSettings
from exo_web_client.envelopes import NUMBER_BYTES, Answer, Call, JsonPath, Offer, Said, read, write
from exo_web_client.meeting import BROWSER
from exo_web_client.sealing import browser_room

Spoil = Callable[[Said], list[bytes]]


def honest(said: Said) -> list[bytes]:
    """Say it as it is."""
    return [write(said)]


@final
class StandIn:
    """Sits in a key's room while `sitting` does. `heard` is all that was said there by others."""

    def __init__(self, rendezvous: str, secret: str, spoil: Spoil = honest) -> None:
        self.heard: list[Said] = []
        self._offers: asyncio.Queue[Offer] = asyncio.Queue()
        self._way = RoomWay(rendezvous, browser_room(hashlib.sha256(secret.encode()).digest()), self._take)
        self._spoil = spoil

    @asynccontextmanager
    async def sitting(self) -> AsyncGenerator[StandIn]:
        """Have a seat."""
        running = asyncio.create_task(self._way.run())
        try:
            yield self
        finally:
            running.cancel()
            await asyncio.wait([running])

    def say(self, said: Said) -> None:
        """To the whole room."""
        for envelope in self._spoil(said):
            self._way.say(envelope)

    async def call(self) -> Offer:
        """Call; the first offer. Waits as long as it takes."""
        number = secrets.token_hex(NUMBER_BYTES)
        self.say(Call(call=number))
        while (offer := await self._offers.get()).call != number:
            pass
        return offer

    @asynccontextmanager
    async def link(self) -> AsyncGenerator[Link]:
        """A link to a node that answers, from addresses that are not named, as a browser's."""
        offer = await self.call()
        path = Path(WebrtcSettings(), calls=False)
        ours = JsonPath.of(await path.gather()).model_copy(update={"candidates": ()})
        self.say(Answer(call=offer.call, offer=offer.offer, path=ours))
        try:
            link = await linked(path, offer.path.description, BROWSER)
            try:
                yield link
            finally:
                await link.close()
        finally:
            await path.close()

    def _take(self, envelope: bytes, way: Way) -> None:
        del way
        said = read(envelope)
        self.heard.append(said)
        if isinstance(said, Offer):
            self._offers.put_nowait(said)


def request(number: int, path: str, secret: str, body: object = None, **more: object) -> bytes:
    """What a page says to ask something."""
    said: dict[str, Any] = {"kind": "request", "number": number, "method": "GET", "path": path, "headers": {}, **more}
    said["headers"] = {"authorization": f"Bearer {secret}", **said["headers"]}
    if body is not None:
        said |= {"method": "POST", "body": json.dumps(body)}
        said["headers"]["content-type"] = "application/json"
    return json.dumps(said).encode()


async def answer(link: Link, number: int) -> tuple[int, str, str]:
    """Status, body and problem of the answer with that number; what belongs to others is passed over."""
    status, text = 0, ""
    while True:
        said = json.loads(bytes(await link.receive()))
        if said["number"] != number:
            continue
        if said["kind"] == "start":
            status = said["status"]
        elif said["kind"] == "text":
            text += said["text"]
        else:
            return status, text, said["problem"]
