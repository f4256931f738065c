"""`GET /state` and `GET /node_id`: what this node knows, and who it is."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from exo_api_cluster.endpoint import Endpoint, whole_number
from exo_core.documents.state import state_document
from exo_core.node_handle import NodeHandle
from exo_http.errors import ApiError

WAIT_SECONDS = 15.0


def state_endpoint(node: NodeHandle) -> Endpoint:
    """The whole document; `?at_least=N` waits until log index N is applied here, at most 15 s."""

    async def state(request: Request) -> Response:
        index = whole_number(request, "at_least", 0)
        if index > node.log.length and not await node.wait_for_index(index, WAIT_SECONDS):
            message = f"log index {index} did not come within {WAIT_SECONDS:.0f} s; this node is at {node.log.length}"
            raise ApiError(504, "not_applied_yet", message, param="at_least")
        return JSONResponse(state_document(node))

    return state


def node_id_endpoint(node: NodeHandle) -> Endpoint:
    """The id as a JSON string."""

    async def node_id(request: Request) -> Response:
        del request
        return JSONResponse(node.node_id)

    return node_id
