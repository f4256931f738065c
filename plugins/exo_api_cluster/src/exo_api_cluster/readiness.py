"""`GET /ready`: whether a question would be answered now."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from exo_api_cluster.endpoint import Endpoint
from exo_core.frozen import JsonValue
from exo_core.node_handle import NodeHandle
from exo_http.errors import ApiError


def ready_endpoint(node: NodeHandle) -> Endpoint:
    """200 when an instance is ready (every runner of it loaded, warmed up, and let a token out) and the node stays."""

    async def ready(request: Request) -> Response:
        del request
        if node.is_draining:
            raise ApiError(503, "stopping", "this node is stopping; ask another", headers={"Retry-After": "1"})
        instances: list[JsonValue] = [
            {"instance_id": name, "model_id": instance.request.model_id}
            for name, instance in node.state.instances.items()
            if node.instance_status(name)[0] == "ready"
        ]
        if not instances:
            message = "no instance can answer yet; place a model (exo place tiny) or ask for one in a chat request"
            raise ApiError(503, "not_ready", message, headers={"Retry-After": "1"})
        return JSONResponse({"status": "ready", "instances": instances})

    return ready
