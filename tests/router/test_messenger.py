"""The router is a messenger as the contract has it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from exo_core.messaging import Messenger
from exo_core.testing.memory_network import MemoryNetwork
from exo_core.testing.memory_routers import memory_router, until_reachable
from exo_core.testing.messenger_conformance import MessengerConformance


class TestRouter(MessengerConformance):
    @pytest.fixture
    async def messengers(self) -> AsyncIterator[tuple[Messenger, Messenger]]:
        network = MemoryNetwork()
        async with memory_router(network, "a") as a, memory_router(network, "b", peers=[a]) as b:
            await until_reachable(a, "b")
            await until_reachable(b, "a")
            yield a, b
