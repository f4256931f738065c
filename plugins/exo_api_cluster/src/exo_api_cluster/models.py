"""`/models`: the catalogue, and what is on disk where."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from exo_api_cluster.endpoint import Endpoint
from exo_api_cluster.submitting import accepted, accepted_response, new_command_id, submitted
from exo_core.documents.model import model_document
from exo_core.errors import ModelError
from exo_core.frozen import JsonValue
from exo_core.identifiers import ModelId
from exo_core.node_handle import NodeHandle
from exo_core.state.commands import CommandAccepted, RemoveModel
from exo_http.errors import ApiError
from exo_http.json_body import read_json


class ModelName(BaseModel):
    """Which model."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    model_id: Annotated[str, Field(min_length=1, max_length=4096)]


def models_endpoint(node: NodeHandle) -> Endpoint:
    """Every model of the catalogue, with its card once it was added."""

    async def models(request: Request) -> Response:
        del request
        documents: list[JsonValue] = [model_document(node.state, model_id) for model_id in await node.catalogue()]
        return JSONResponse(documents)

    return models


def add_model_endpoint(node: NodeHandle) -> Endpoint:
    """Resolve a model, describe it and enter it into the catalogue."""

    async def add(request: Request) -> Response:
        model_id = ModelId((await read_json(request, ModelName)).model_id)
        answer = await added(node, model_id)
        return accepted_response(answer, model_id=model_id)

    return add


def remove_model_endpoint(node: NodeHandle) -> Endpoint:
    """Strike a model off the catalogue; its files stay."""

    async def remove(request: Request) -> Response:
        model_id = ModelId(request.path_params["model_id"])
        return await submitted(node, RemoveModel(command_id=new_command_id(), model_id=model_id))

    return remove


async def added(node: NodeHandle, model_id: ModelId) -> CommandAccepted:
    """Have a model in the catalogue. Raises `ApiError`: 404 for one that no source knows."""
    try:
        return accepted(await node.add_model(model_id))
    except ModelError as problem:
        raise await model_problem(node, model_id, problem) from None


async def model_problem(node: NodeHandle, model_id: ModelId, problem: ModelError) -> ApiError:
    """404 for a model nobody knows, 400 for one that is there and cannot be used."""
    is_known = model_id in await node.catalogue()
    status, code = (400, "model_error") if is_known else (404, "model_not_found")
    return ApiError(status, code, str(problem), param="model_id")
