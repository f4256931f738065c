"""The routes of every plugin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from starlette.routing import BaseRoute

from exo_core.node_handle import NodeHandle
from exo_http.asked_plugins import answers_of_plugins


def plugin_routes(node: NodeHandle) -> Sequence[BaseRoute]:
    """All, by the names of their plugins. One that fails is reported and leaves the others theirs."""
    return cast("Sequence[BaseRoute]", answers_of_plugins(node.plugins, "exo_http_routes", node=node))
