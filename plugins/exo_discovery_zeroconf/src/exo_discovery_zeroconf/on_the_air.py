"""The one place that speaks multicast DNS: announces a presence, and says who else announces one."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final, final

from zeroconf import Error as ZeroconfError
from zeroconf import IPVersion, ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from exo_core.task_scope import TaskScope
from exo_discovery_zeroconf.announcement import Announcement
from exo_discovery_zeroconf.presence import IpAddress, Presence

logger = logging.getLogger(__name__)

SERVICE: Final = "_exo._tcp.local."
QUESTION_MS: Final = 3000
GOODBYE_S: Final = 1.0

Heard = Callable[[str, bool], None]
"""A name was announced (True) or withdrawn (False)."""


class OffTheAir(Exception):
    """There is no multicast here; the message says why."""


@final
class Air:
    """Multicast DNS on the networks of one presence."""

    def __init__(self, zeroconf: AsyncZeroconf) -> None:
        self._zeroconf = zeroconf

    async def ask(self, name: str) -> tuple[Announcement, Sequence[str]] | None:
        """What `name` announces and its addresses (link-local ones with their zone); None if nothing that is ours."""
        info = AsyncServiceInfo(SERVICE, name)
        if not await info.async_request(self._zeroconf.zeroconf, QUESTION_MS):
            return None
        announcement = Announcement.of({key: value or "" for key, value in info.decoded_properties.items()})
        return None if announcement is None else (announcement, info.parsed_scoped_addresses())


@asynccontextmanager
async def on_the_air(presence: Presence, announcement: Announcement, name: str, heard: Heard) -> AsyncGenerator[Air]:
    """Announce while the context is open; `heard` is told of everybody else. Raises `OffTheAir`.

    `name` is new each time, so that nobody is followed from network to network.
    """
    zeroconf = _opened(presence.interfaces)

    def changed(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        del zeroconf, service_type
        heard(name, state_change is not ServiceStateChange.Removed)

    browser = AsyncServiceBrowser(zeroconf.zeroconf, SERVICE, handlers=[changed])
    try:
        async with TaskScope() as scope:
            scope.start(_announce(zeroconf, _service(presence, announcement, name)), "announcing")
            yield Air(zeroconf)
    finally:
        await _closed(zeroconf, browser)


def new_name() -> str:
    """A random name for one stay on the air."""
    return f"{secrets.token_hex(8)}.{SERVICE}"


def _opened(interfaces: Sequence[IpAddress]) -> AsyncZeroconf:
    """Sockets on these interfaces; without IPv6 where the system will not have it. Raises `OffTheAir`."""
    last: Exception | None = None
    for versions in ((4, 6), (4,)):
        chosen = [str(address) for address in interfaces if address.version in versions]
        try:
            if chosen:
                return AsyncZeroconf(interfaces=chosen, ip_version=_ip_version(chosen))
        except (OSError, RuntimeError) as problem:  # the latter: an interface went away this moment
            last = problem
    raise OffTheAir(str(last or "no network that others are on"))


def _ip_version(addresses: Sequence[str]) -> IPVersion:
    versions = {ipaddress.ip_address(address).version for address in addresses}
    if versions == {4}:
        return IPVersion.V4Only
    return IPVersion.V6Only if versions == {6} else IPVersion.All


def _service(presence: Presence, announcement: Announcement, name: str) -> AsyncServiceInfo:
    return AsyncServiceInfo(
        SERVICE,
        name,
        port=presence.ports[0][1],
        properties=announcement.fields,
        server=f"{name.partition('.')[0]}.local.",
        addresses=[address.packed for address in presence.addresses],
    )


async def _announce(zeroconf: AsyncZeroconf, service: AsyncServiceInfo) -> None:
    """Ask whether the name is free, which takes half a second, then say three times what it stands for."""
    try:
        said: Awaitable[object] = await zeroconf.async_register_service(service, allow_name_change=True)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  of what it awaits it says nothing
        await said
    except (OSError, ZeroconfError, TimeoutError) as problem:
        logger.warning("cannot announce this node on the local network: %s", problem or type(problem).__name__)


async def _closed(zeroconf: AsyncZeroconf, browser: AsyncServiceBrowser) -> None:
    """Say goodbye and close; in a moment, whatever the network does."""
    try:
        async with asyncio.timeout(GOODBYE_S):
            await browser.async_cancel()
            await zeroconf.async_unregister_all_services()
    except (OSError, ZeroconfError, TimeoutError) as problem:
        logger.debug("no goodbye on the local network: %s", problem)
    finally:
        await zeroconf.async_close()
