"""`POST /v1/embeddings`: texts as vectors, the mean of a model's last hidden states."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response

from exo_api_openai.answering import gone
from exo_api_openai.embedding_document import embedding_document
from exo_api_openai.embedding_request import EmbeddingRequest
from exo_api_openai.engine_result import engine_result
from exo_api_openai.ignored import ignored_fields
from exo_api_openai.prompts import prompt_list
from exo_core.identifiers import ModelId
from exo_core.node_handle import NodeHandle
from exo_core.requests import Embed
from exo_http.disconnect import while_connected
from exo_http.errors import ApiError
from exo_http.json_body import read_json
from exo_http.request_ids import request_id_of


def embeddings_endpoint(node: NodeHandle) -> Callable[[Request], Awaitable[Response]]:
    """One vector per input, in their order."""

    async def embed(request: Request) -> Response:
        body = await read_json(request, EmbeddingRequest)
        asked = Embed(request_id=request_id_of(request.scope), prompts=prompt_list(body.input), exact=bool(body.exact))
        found = await while_connected(request.receive, engine_result(node, asked, ModelId(body.model)))
        if found is None:
            return gone()
        accepted, result = found
        check_dimensions(body.dimensions, result.vectors)
        document = await asyncio.to_thread(
            embedding_document,
            result.vectors,
            model=body.model,
            prompt_tokens=len(accepted.prompt_ids),
            encoding=body.encoding_format or "float",
        )
        return Response(document, media_type="application/json", headers=ignored_fields(body))

    return embed


def check_dimensions(asked: int | None, vectors: Sequence[Sequence[float]]) -> None:
    """Raises `ApiError` 400 for another number than the model has."""
    has = len(vectors[0]) if vectors else 0
    if asked not in {None, has}:
        message = f"dimensions: this model's vectors have {has}; leave the field out, or ask for that"
        raise ApiError(400, "invalid_value", message, param="dimensions")
