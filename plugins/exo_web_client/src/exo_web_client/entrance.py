"""In which rooms does this node wait for browsers? In that of each of the cluster's newest keys, at one rendezvous."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Final, final

from exo_core.plugins.settings import settings_of
from exo_core.task_scope import TaskScope
from exo_core.transports import Link
from exo_http.door import Door
from exo_transport_webrtc.webrtc_settings import WebrtcSettings, parse_settings
from exo_web_client.channel import BrowserChannel
from exo_web_client.meeting import BrowserMeeting
from exo_web_client.places import Places
from exo_web_client.sealing import browser_room

TRANSPORT: Final = "webrtc"
"""Whose settings hold here too: the rendezvous, STUN and TURN."""

MOST_KEYS: Final = 32
"""Each takes a seat at the rendezvous, which gives one address a bounded number of them."""

MOST_BROWSERS: Final = 64
"""At once; each holds a socket per address."""


@asynccontextmanager
async def browsers_entrance(door: Door) -> AsyncGenerator[None]:
    """For `exo_http_entrances`. Nothing happens without a rendezvous. Raises `UserError` for a wrong setting."""
    settings = parse_settings(settings_of(TRANSPORT, os.environ))
    if settings.rendezvous is None:
        yield
        return
    async with TaskScope() as scope:
        scope.start(Waiting(door, settings, settings.rendezvous).run(), "waiting for browsers")
        yield


@final
class Waiting:
    """A meeting per key, as long as the key is one."""

    def __init__(self, door: Door, settings: WebrtcSettings, rendezvous: str) -> None:
        self._door = door
        self._settings = settings
        self._rendezvous = rendezvous
        self._places = Places(MOST_BROWSERS)
        self._meetings: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """For ever; cancelled, it ends all meetings."""
        async with TaskScope() as scope, aclosing(self._door.node.changes()) as changes:
            async for _ in changes:
                await self._follow(self._wanted(), scope)

    def _wanted(self) -> Collection[str]:
        return list(self._door.keys)[-MOST_KEYS:]

    async def _follow(self, wanted: Collection[str], scope: TaskScope) -> None:
        for key in self._meetings.keys() - set(wanted):
            ended = self._meetings.pop(key)
            ended.cancel()
            await asyncio.wait([ended])
        for key in wanted:
            if key not in self._meetings:
                task = scope.start(self._meeting(key).run(), "waiting for a key's browsers")
                if task is not None:
                    self._meetings[key] = task

    def _meeting(self, key: str) -> BrowserMeeting:
        seal = browser_room(bytes.fromhex(key))
        return BrowserMeeting(self._settings, self._rendezvous, seal, partial(serve, self._door), self._places)


async def serve(door: Door, link: Link) -> None:
    """Answer a browser until it goes."""
    await BrowserChannel(link, door).serve()
