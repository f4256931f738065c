"""A node for one conversation: temporary identity and log, the usual models, no cluster, HTTP or discovery."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from exo_core.node.home import Home
from exo_core.node.node import Node
from exo_core.node.options import NodeOptions
from exo_core.node.running import running_node
from exo_core.node_handle import HttpOptions


@asynccontextmanager
async def private_node(home: Path) -> AsyncGenerator[Node]:
    """Runs while the context is open; nothing of it remains but what it fetched into the home's models."""
    with tempfile.TemporaryDirectory(prefix="exo-") as folder:
        options = NodeOptions(
            home=Path(folder),
            name="this machine",
            transports=(),
            discovery=False,
            http=HttpOptions(enabled=False),
            models_folder=Home(home).models,
            private=True,
        )
        async with running_node(options) as node:
            yield node
