"""`GET /v1/models` and `/v1/models/{id}`: the catalogue in OpenAI's shape."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from exo_core.frozen import JsonValue
from exo_core.identifiers import ModelId
from exo_core.node_handle import NodeHandle
from exo_core.state.aliases import aliases, model_meant
from exo_http.errors import ApiError

Endpoint = Callable[[Request], Awaitable[Response]]


def models_endpoint(node: NodeHandle) -> Endpoint:
    """All models that can be asked for, by each of their names."""

    async def models(request: Request) -> Response:
        del request
        data: list[JsonValue] = [model_object(node, model_id) for model_id in await names_of(node)]
        return JSONResponse({"object": "list", "data": data})

    return models


def model_endpoint(node: NodeHandle) -> Endpoint:
    """One model; its id may hold slashes."""

    async def model(request: Request) -> Response:
        model_id = ModelId(request.path_params["model_id"])
        if model_id not in await names_of(node):
            raise unknown_model(model_id)
        return JSONResponse(model_object(node, model_id))

    return model


async def names_of(node: NodeHandle) -> list[ModelId]:
    """Whatever a client may put into `model`: models, then aliases of models that are there."""
    catalogue = await node.catalogue()
    found = aliases(node.state).items()
    return [*catalogue, *(ModelId(name) for name, model_id in found if model_id in catalogue)]


def model_object(node: NodeHandle, name: ModelId) -> dict[str, JsonValue]:
    """One model. When it was made is not known, so `created` is 0; `context_length` is ours, null until described.

    `root` names the model behind an alias.
    """
    model_id = model_meant(node.state, name)
    known = node.state.models.get(model_id)
    return {
        "id": name,
        "root": model_id,
        "object": "model",
        "created": 0,
        "owned_by": known.manifest.source if known else "exo",
        "context_length": known.card.context if known else None,
    }


def unknown_model(model_id: str) -> ApiError:
    """As OpenAI says it."""
    message = f"The model '{model_id[:200]}' does not exist here. See GET /v1/models, or type: exo models"
    return ApiError(404, "model_not_found", message, param="model")
