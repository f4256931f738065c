"""`GET /metrics`."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from exo_core.node_handle import NodeHandle
from exo_http.operation import ApiRoute, Operation
from exo_metrics.collector import NodeCollector
from exo_metrics.tally import Tally

OPERATION = Operation(summary="Figures for Prometheus", answer=str, media_type="text/plain")


def metrics_routes(node: NodeHandle) -> Sequence[BaseRoute]:
    """The route. A registry and a tally of its own per node: several may live in one process."""
    tally, registry = Tally(), CollectorRegistry(auto_describe=False)
    node.plugins.manager.register(tally, "metrics-tally")
    registry.register(NodeCollector(node, tally))

    async def metrics(request: Request) -> Response:
        del request
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return [ApiRoute("/metrics", metrics, operation=OPERATION, scope="infer")]
