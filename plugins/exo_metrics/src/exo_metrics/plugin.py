"""What `exo_metrics` offers: a route for the front door."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exo_core import hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.routing import BaseRoute

    from exo_core.node_handle import NodeHandle


@hookimpl(optionalhook=True)
def exo_http_routes(node: NodeHandle) -> Sequence[BaseRoute]:
    """Mount `/metrics`, and count from now on what happens on this node."""
    from exo_metrics.route import metrics_routes

    return metrics_routes(node)
