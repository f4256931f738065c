"""The discovery as a service of its node: announce, listen, suggest; anew whenever the machine's networks change."""

from __future__ import annotations

import asyncio
import importlib
import logging
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, final

from exo_core.network_interfaces.reading import network_interfaces
from exo_core.node_handle import NodeHandle
from exo_core.task_scope import TaskScope
from exo_discovery_zeroconf.acquaintance import Acquaintance
from exo_discovery_zeroconf.announcement import NONCE_BYTES, Announcement
from exo_discovery_zeroconf.candidates import MOST_CANDIDATES, Candidates
from exo_discovery_zeroconf.presence import Presence, presence_of

if TYPE_CHECKING:
    from exo_discovery_zeroconf.on_the_air import Air

logger = logging.getLogger(__name__)

LOOK_S: Final = 5.0
"""How often the machine's networks are looked at."""
LOOKS_AT_ONCE: Final = 4


@final
class ZeroconfDiscovery:
    """A `Service`. One object serves one node."""

    def __init__(self) -> None:
        self._acquaintance = Acquaintance()
        self._trouble: str | None = None

    @property
    def name(self) -> str:
        """For people, in logs."""
        return "zeroconf"

    @asynccontextmanager
    async def running(self, node: NodeHandle) -> AsyncGenerator[None]:
        """Discover until left. What goes wrong with the network is logged and tried again when it changes."""
        async with TaskScope() as scope:
            scope.start(self._discover(node), "discovery")
            yield

    async def _discover(self, node: NodeHandle) -> None:
        while True:
            presence = presence_of(node.tickets, network_interfaces())
            if presence is not None:
                await self._be_present(node, presence)
            await asyncio.sleep(LOOK_S)

    async def _be_present(self, node: NodeHandle, presence: Presence) -> None:
        """Announce and listen until this machine is somewhere else."""
        await asyncio.to_thread(importlib.import_module, "exo_discovery_zeroconf.on_the_air")  # it takes a while
        from exo_discovery_zeroconf.on_the_air import OffTheAir, new_name, on_the_air

        name, candidates, looks = new_name(), Candidates(), asyncio.Queue[str](MOST_CANDIDATES)

        def heard(other: str, announced: bool) -> None:
            if not announced:
                candidates.withdrawn(other)
            elif other != name and not looks.full() and candidates.announced(other, time.monotonic()):
                looks.put_nowait(other)

        try:
            async with on_the_air(presence, _announcement(node, presence), name, heard) as air, TaskScope() as scope:
                logger.info("announced on the local network at %s", ", ".join(map(str, presence.addresses)))
                for _ in range(LOOKS_AT_ONCE):
                    scope.start(self._look_at_each(node, air, looks), "looking at who is heard")
                while presence_of(node.tickets, network_interfaces()) == presence:
                    await asyncio.sleep(LOOK_S)
                    for other in candidates.due(time.monotonic()):
                        await looks.put(other)
        except OffTheAir as problem:
            self._say_trouble(str(problem))

    async def _look_at_each(self, node: NodeHandle, air: Air, looks: asyncio.Queue[str]) -> None:
        while True:
            found = await air.ask(await looks.get())
            if found is not None:
                self._acquaintance.hear(node, *found, network_interfaces())

    def _say_trouble(self, reason: str) -> None:
        if reason != self._trouble:
            self._trouble = reason
            logger.warning("no discovery on the local network (%s): use --peer, or `exo invite` there", reason)


def _announcement(node: NodeHandle, presence: Presence) -> Announcement:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return Announcement(nonce=nonce, tag=node.recognition_tag(nonce), ports=dict(presence.ports))
