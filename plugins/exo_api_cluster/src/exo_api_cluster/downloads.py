"""`/downloads`: which model lies, or is on its way, on which node; and having one brought there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from exo_api_cluster.endpoint import Endpoint
from exo_api_cluster.models import added
from exo_core.documents.downloads import downloads_document
from exo_core.errors import ModelError
from exo_core.identifiers import ModelId, NodeId
from exo_core.node_handle import NodeHandle
from exo_http.errors import ApiError
from exo_http.json_body import read_json

NodeName = Annotated[str, Field(min_length=1, max_length=64)]


class Download(BaseModel):
    """Which model, and to which nodes: this one, if none is named."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    model_id: Annotated[str, Field(min_length=1, max_length=4096)]
    node_ids: Annotated[list[NodeName], Field(fail_fast=True)] = Field(default=[], max_length=1000)


def downloads_endpoint(node: NodeHandle) -> Endpoint:
    """Finished ones from the log; running, failed and cancelled ones from telemetry."""

    async def downloads(request: Request) -> Response:
        del request
        return JSONResponse(downloads_document(node))

    return downloads


def start_download_endpoint(node: NodeHandle) -> Endpoint:
    """Add the model if need be, and have nodes bring all of it. Repeating it changes nothing."""

    async def start(request: Request) -> Response:
        body = await read_json(request, Download)
        await _added_if_unknown(node, ModelId(body.model_id))
        return await _of_each(node, body, node.start_download)

    return start


def cancel_download_endpoint(node: NodeHandle) -> Endpoint:
    """What came stays. Repeating it changes nothing."""

    async def cancel(request: Request) -> Response:
        return await _of_each(node, await read_json(request, Download), node.cancel_download)

    return cancel


async def _added_if_unknown(node: NodeHandle, model_id: ModelId) -> None:
    if model_id not in node.state.models:
        answer = await added(node, model_id)
        await node.wait_for_index(answer.index, timeout=5.0)


async def _of_each(node: NodeHandle, body: Download, steer: Callable[[ModelId, NodeId], Awaitable[None]]) -> Response:
    model_id, node_ids = ModelId(body.model_id), [NodeId(name) for name in body.node_ids] or [node.node_id]
    for node_id in node_ids:
        if node_id not in node.state.members and node_id != node.node_id:
            raise ApiError(404, "node_not_found", f"no node has the id '{node_id}'. See GET /state", param="node_ids")
    for node_id in node_ids:
        try:
            await steer(model_id, node_id)
        except ModelError as problem:
            raise ApiError(409, "download_refused", str(problem)) from problem
    return JSONResponse({"model_id": model_id, "node_ids": list(node_ids)}, 202)
