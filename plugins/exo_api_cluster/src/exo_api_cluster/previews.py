"""`GET /instance/previews?model_id=`: every placement that could be made, or the reason it cannot."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from exo_api_cluster.endpoint import Endpoint, required_text
from exo_api_cluster.models import model_problem
from exo_core.documents.preview import preview_document
from exo_core.errors import ModelError
from exo_core.frozen import JsonValue
from exo_core.identifiers import ModelId
from exo_core.node_handle import NodeHandle


def previews_endpoint(node: NodeHandle) -> Endpoint:
    """A list; an item can be posted to `/instance` as it is."""

    async def previews(request: Request) -> Response:
        model_id = ModelId(required_text(request, "model_id"))
        try:
            found = await node.previews(model_id)
        except ModelError as problem:
            raise await model_problem(node, model_id, problem) from None
        documents: list[JsonValue] = [preview_document(preview) for preview in found]
        return JSONResponse(documents)

    return previews
