"""The node's side of one key's room: judges what is said there, and makes links with browsers that call."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, final

from exo_core.errors import AuthenticationError, ConnectError, WireError
from exo_core.identifiers import NodeId
from exo_core.task_scope import TaskScope
from exo_core.transports import Link, Peer
from exo_transport_webrtc.complaints import Complaints
from exo_transport_webrtc.path_making import linked
from exo_transport_webrtc.room_way import RoomWay
from exo_transport_webrtc.rtc_facade import Path
from exo_transport_webrtc.sealing import RoomSeal
from exo_transport_webrtc.ways import Way
from exo_transport_webrtc.webrtc_settings import WebrtcSettings
from exo_web_client.channel_messages import LARGEST_MESSAGE_BYTES
from exo_web_client.envelopes import NUMBER_BYTES, Answer, Call, JsonPath, Number, Offer, read, write
from exo_web_client.places import Places

logger = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 15.0
"""From a call to its link."""

MOST_BROWSERS: Final = 16
"""With one key at once."""

REMEMBERED_CALLS: Final = 4096
"""So many of the last calls are recognised when they come again."""

BROWSER: Final = Peer(node_id=NodeId(""), role="browser")
"""Who is at the other end of a browser's link: nobody whom the cluster knows."""

ServeLink = Callable[[Link], Awaitable[None]]


@final
class BrowserMeeting:
    """Works while `run` does. `places` bounds the browsers of all meetings of a node, those that are coming too."""

    def __init__(
        self,
        settings: WebrtcSettings,
        rendezvous: str,
        seal: RoomSeal,
        serve: ServeLink,
        places: Places,
    ) -> None:
        self._settings = settings
        self._serve = serve
        self._places = Places(MOST_BROWSERS, within=places)
        self._scope = TaskScope()
        self._way = RoomWay(rendezvous, seal, self._take)
        self._answers: dict[Number, asyncio.Future[Answer]] = {}
        self._heard: OrderedDict[Number, Number] = OrderedDict()
        """Calls, each with the number of our offer."""
        self._complaints = Complaints(logger)

    async def run(self) -> None:
        """Sit in the room, for ever; cancelled, it ends the links that were made there."""
        async with self._scope:
            await self._way.run()

    # what is said in the room --------------------------------------------------------------------------------

    def _take(self, envelope: bytes, way: Way) -> None:
        try:
            said = read(envelope)
            if isinstance(said, Call):
                self._take_call(said)
            elif isinstance(said, Answer):
                self._take_answer(said)
        except (WireError, AuthenticationError) as problem:
            self._complaints.about(type(problem).__name__, f"refused what a browser said over {way!r}: {problem}")

    def _take_call(self, call: Call) -> None:
        if call.call in self._heard:
            message = "a call that was heard before"
            raise AuthenticationError(message)
        self._heard[call.call] = secrets.token_hex(NUMBER_BYTES)
        if len(self._heard) > REMEMBERED_CALLS:
            self._heard.popitem(last=False)
        if not self._places.take():
            self._complaints.about("places", "a browser that calls is not answered: too many are here")
        elif (task := self._scope.start(self._receive(call), "a browser")) is not None:
            task.add_done_callback(lambda _: self._places.give_back())

    def _take_answer(self, answer: Answer) -> None:
        offered = self._heard.get(answer.call)
        if offered not in {answer.offer, None}:
            return  # another node's
        waiting = self._answers.pop(answer.offer, None)
        if offered is None or waiting is None or waiting.done():
            message = "an answer for which nobody waits: it is late, or was said before"
            raise AuthenticationError(message)
        waiting.set_result(answer)

    # a browser -----------------------------------------------------------------------------------------------

    async def _receive(self, call: Call) -> None:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                link = await self._link(call)
            await self._served(link)
        except TimeoutError:
            logger.info("a browser called and then did not come")
        except (ConnectError, WireError) as problem:
            logger.info("no link with a browser that called: %s", problem)

    async def _served(self, link: Link) -> None:
        logger.info("a browser came from %s", link.address)
        try:
            await self._serve(link)
        finally:
            await link.close()

    async def _link(self, call: Call) -> Link:
        path = Path(self._settings, calls=True)
        try:
            answer = await self._offer(call, JsonPath.of(await path.gather()))
            theirs = answer.path.description
            return await linked(path, theirs, BROWSER, patient=True, largest_message=LARGEST_MESSAGE_BYTES)
        except BaseException:
            path.close_soon()
            raise

    async def _offer(self, call: Call, path: JsonPath) -> Answer:
        number = self._heard[call.call]
        waiting = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            self._way.say(write(Offer(call=call.call, offer=number, path=path, stun=_stun(self._settings))))
            return await waiting
        finally:
            self._answers.pop(number, None)


def _stun(settings: WebrtcSettings) -> str | None:
    server = settings.stun
    return f"stun:{server.host}:{server.port}" if server else None
