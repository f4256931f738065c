"""The pytest plugin that comes with exo-core: marks the environment of tests, guards it, and gives clusters."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # pytest loads this in every environment that has exo-core; the kit is imported when it is asked for
    from exo_core.testing.clusters import MemoryCluster
    from exo_core.testing.memory_network import MemoryNetwork


@pytest.fixture(autouse=True)
def exo_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set EXO_TESTS=1, hide the person's own EXO_ settings, and fail a test that leaks changes of the environment."""
    before = _environment()
    for name in [name for name in before if name.startswith("EXO_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("EXO_TESTS", "1")
    yield
    monkeypatch.undo()
    assert _environment() == before, "a test changed os.environ"


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}


@pytest.fixture
def memory_network() -> MemoryNetwork:
    """A network in memory, with faults on demand."""
    from exo_core.testing.memory_network import MemoryNetwork

    return MemoryNetwork(seed=0)


@pytest.fixture
def cluster(tmp_path: Path) -> Callable[[int], AbstractAsyncContextManager[MemoryCluster]]:
    """`async with cluster(3) as three:` three real nodes in this process that have met, over a memory network."""
    from exo_core.testing.clusters import memory_cluster

    return lambda size: memory_cluster(size, tmp_path)
