"""`POST /place_instance` and `POST /instance`: wishing an instance."""

from __future__ import annotations

import uuid
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from exo_api_cluster.endpoint import Endpoint
from exo_api_cluster.exact_placement import check_cuts, parse_placement
from exo_api_cluster.models import added
from exo_api_cluster.submitting import new_command_id, submitted
from exo_core.frozen import JsonValue
from exo_core.identifiers import InstanceId, ModelId, NodeId, PlacementId, RunnerId
from exo_core.node_handle import NodeHandle
from exo_core.placement import Placement, PlacementRequest
from exo_core.state.aliases import model_meant
from exo_core.state.commands import PlaceInstance
from exo_core.state.state import Model
from exo_http.errors import ApiError
from exo_http.json_body import read_json

WAIT_SECONDS = 15.0
ModelName = Annotated[str, Field(min_length=1, max_length=4096)]


class PlaceBody(BaseModel):
    """What a person asks for."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    model_id: ModelName
    parallel: Literal["pipeline", "tensor", "auto"] = "auto"
    min_nodes: Annotated[int, Field(ge=1, le=10_000)] = 1
    nodes: Annotated[tuple[str, ...], Field(max_length=10_000, fail_fast=True)] = ()


class ExactBody(BaseModel):
    """A preview as `GET /instance/previews` gave it; only these two fields are read."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)
    model_id: ModelName
    placement: dict[str, JsonValue] | None


def place_endpoint(node: NodeHandle) -> Endpoint:
    """The master chooses where. A model that was never added is added first."""

    async def place(request: Request) -> Response:
        body = await read_json(request, PlaceBody)
        if body.parallel == "tensor":
            message = "tensor parallelism is not there yet; use pipeline or auto"
            raise ApiError(400, "not_there_yet", message, param="parallel")
        wish = PlacementRequest(
            instance_id=new_instance_id(),
            model_id=model_meant(node.state, ModelId(body.model_id)),
            parallel=body.parallel,
            min_nodes=body.min_nodes,
            nodes=tuple(map(NodeId, body.nodes)),
        )
        await _model(node, wish.model_id)
        return await submitted(node, PlaceInstance(command_id=new_command_id(), request=wish))

    return place


def place_exactly_endpoint(node: NodeHandle) -> Endpoint:
    """Exactly these shards."""

    async def place(request: Request) -> Response:
        body = await read_json(request, ExactBody)
        if body.placement is None:
            message = "placement: this preview is of a placement that cannot be made"
            raise ApiError(400, "invalid_value", message, param="placement")
        placement = fresh(parse_placement(body.placement))
        wish = PlacementRequest(
            instance_id=new_instance_id(),
            model_id=model_meant(node.state, ModelId(body.model_id)),
            parallel=placement.parallel,
            nodes=tuple(shard.node_id for shard in placement.shards),
            placement=placement,
        )
        check_cuts(placement, (await _model(node, wish.model_id)).card)
        return await submitted(node, PlaceInstance(command_id=new_command_id(), request=wish))

    return place


async def _model(node: NodeHandle, model_id: ModelId) -> Model:
    """The model as the catalogue has it; one that was never added is added first. Raises `ApiError`."""
    if model_id not in node.state.models:
        answer = await added(node, model_id)
        await node.wait_for_index(answer.index, WAIT_SECONDS)
    model = node.state.models.get(model_id)
    if model is None:
        message = f"{model_id} was added, but this node has not heard of it yet; ask again"
        raise ApiError(503, "not_applied_yet", message)
    return model


def new_instance_id() -> InstanceId:
    """Drawn here, so that the command may be repeated without placing twice."""
    return InstanceId(uuid.uuid4().hex[:12])


def fresh(placement: Placement) -> Placement:
    """The same placement under new ids: one preview may be posted twice and then makes two instances."""
    shards = tuple(shard.model_copy(update={"runner_id": RunnerId(uuid.uuid4().hex)}) for shard in placement.shards)
    return placement.model_copy(update={"placement_id": PlacementId(uuid.uuid4().hex), "shards": shards})
