"""What every service (a front door, a discovery, an exporter) must do, as tests to subclass.

class TestHttpService(ServiceConformance):
    plugins = {"http": exo_http.plugin}

    @pytest.fixture
    def make_service(self):
        return HttpService
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from exo_core.node.node import Node
from exo_core.node_handle import Service
from exo_core.testing.clusters import memory_cluster

MakeService = Callable[[], Service]
PATIENCE_S = 10.0


class ServiceConformance:
    """Override `make_service`; `plugins` are entry modules by plugin name that the service needs in its node.

    The node's HTTP options are on, at a port that the system chooses.
    """

    plugins: ClassVar[Mapping[str, object]] = {}

    @pytest.fixture
    def make_service(self) -> MakeService:
        """A factory as it is registered."""
        raise NotImplementedError

    async def test_it_has_a_name_for_people(self, make_service: MakeService) -> None:
        assert make_service().name

    async def test_it_runs_and_leaves_no_task_behind(self, make_service: MakeService, tmp_path: Path) -> None:
        async with self._node(tmp_path) as node:
            before = asyncio.all_tasks()
            async with make_service().running(node):
                await asyncio.sleep(0)
            await _all_ended_since(before)

    async def test_it_runs_again_after_it_stopped(self, make_service: MakeService, tmp_path: Path) -> None:
        service = make_service()
        async with self._node(tmp_path) as node:
            for _ in range(2):
                async with service.running(node):
                    await asyncio.sleep(0)

    async def test_it_stops_when_its_node_is_cancelled(self, make_service: MakeService, tmp_path: Path) -> None:
        async with self._node(tmp_path) as node:
            before, entered = asyncio.all_tasks(), asyncio.Event()

            async def run() -> None:
                async with make_service().running(node):
                    entered.set()
                    await asyncio.Event().wait()

            running = asyncio.create_task(run())
            async with asyncio.timeout(10):
                await entered.wait()
                running.cancel()
                await asyncio.wait([running])
            assert running.cancelled()
            await _all_ended_since(before)

    @asynccontextmanager
    async def _node(self, folder: Path) -> AsyncGenerator[Node]:
        async with memory_cluster(1, folder, plugins=self.plugins) as cluster:
            yield cluster.nodes[0]


async def _all_ended_since(before: set[asyncio.Task[Any]]) -> None:
    """Wait for a moment without tasks that are newer; the node's own come and go, a forgotten one stays."""
    newer: set[str] = set()
    try:
        async with asyncio.timeout(PATIENCE_S):
            while newer := {task.get_name() for task in asyncio.all_tasks() - before if not task.done()}:
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"tasks that were left behind: {newer}")
