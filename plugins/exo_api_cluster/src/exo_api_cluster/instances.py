"""`GET` and `DELETE /instance/{id}`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from exo_api_cluster.endpoint import Endpoint
from exo_api_cluster.submitting import new_command_id, submitted
from exo_core.documents.state import instance_document
from exo_core.identifiers import InstanceId
from exo_core.node_handle import NodeHandle
from exo_core.state.commands import DeleteInstance
from exo_http.errors import ApiError


def instance_endpoint(node: NodeHandle) -> Endpoint:
    """As `/state` shows it, and its id."""

    async def instance(request: Request) -> Response:
        instance_id = InstanceId(request.path_params["instance_id"])
        if instance_id not in node.state.instances:
            message = f"there is no instance '{instance_id[:100]}'; see GET /state"
            raise ApiError(404, "instance_not_found", message)
        return JSONResponse({"instance_id": instance_id, **instance_document(node, instance_id)})

    return instance


def delete_instance_endpoint(node: NodeHandle) -> Endpoint:
    """No longer wish it; its runners stop."""

    async def delete(request: Request) -> Response:
        instance_id = InstanceId(request.path_params["instance_id"])
        return await submitted(node, DeleteInstance(command_id=new_command_id(), instance_id=instance_id))

    return delete
