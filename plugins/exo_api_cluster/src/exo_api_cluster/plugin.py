"""What `exo_api_cluster` offers: routes for the front door."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exo_core import hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.routing import BaseRoute

    from exo_core.node_handle import NodeHandle


@hookimpl(optionalhook=True)
def exo_http_routes(node: NodeHandle) -> Sequence[BaseRoute]:
    """Mount the cluster's routes and the page."""
    from exo_api_cluster.routes import cluster_routes

    return cluster_routes(node)
