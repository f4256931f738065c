"""`/downloads`: which model lies, or is on its way, on which node."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from exo_api_cluster.endpoint import Endpoint
from exo_core.frozen import JsonValue
from exo_core.node_handle import NodeHandle
from exo_http.errors import ApiError


def downloads_endpoint(node: NodeHandle) -> Endpoint:
    """Finished ones from the log, running ones from telemetry."""

    async def downloads(request: Request) -> Response:
        del request
        return JSONResponse([*_finished(node), *_running(node)])

    return downloads


def _finished(node: NodeHandle) -> Iterator[JsonValue]:
    for node_id, models in node.state.downloads.items():
        for model_id, revision in models.items():
            yield {"node_id": node_id, "model_id": model_id, "revision": revision, "status": "finished"}


def _running(node: NodeHandle) -> Iterator[JsonValue]:
    for node_id, measured in node.telemetry.nodes.items():
        for runner in measured.runners:
            instance = node.state.instances.get(runner.instance_id)
            if runner.status == "downloading" and instance is not None:
                yield {
                    "node_id": node_id,
                    "model_id": instance.request.model_id,
                    "status": "downloading",
                    "done": runner.done,
                    "total": runner.total,
                }


def not_there_yet(path: str) -> Endpoint:
    """Downloads cannot be steered yet."""

    async def refuse(request: Request) -> Response:
        del request
        raise ApiError(501, "not_there_yet", f"{path} is not there yet; placing a model fetches what it needs")

    return refuse
