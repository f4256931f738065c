"""Two members, alpha and gamma, who have a model; this machine asks them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from exo_core.manifests import Manifest
from exo_core.testing.model_members import Members, members, write_model_folder


@pytest.fixture
async def cluster() -> AsyncIterator[Members]:
    async with members("alpha", "gamma", silence=0.3) as running:
        yield running


@pytest.fixture
async def manifest(cluster: Members, tmp_path: Path) -> Manifest:
    return await cluster.put(write_model_folder(tmp_path / "a model"))
