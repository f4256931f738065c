"""`POST /v1/chat/completions`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from exo_api_openai.chat_request import ChatRequest, generate_of
from exo_api_openai.chunk_writer import ChunkWriter
from exo_api_openai.completion_head import CompletionHead
from exo_api_openai.ignored import ignored_fields
from exo_api_openai.sampling_fields import includes_usage
from exo_api_openai.streamed_answer import StreamedAnswer
from exo_api_openai.whole_answer import whole_answer
from exo_core.identifiers import ModelId
from exo_core.node_handle import NodeHandle
from exo_http.disconnect import while_connected
from exo_http.json_body import read_json
from exo_http.request_ids import request_id_of

CLIENT_GONE = 499
"""Never seen by anybody: the client is not there any more."""


def chat_endpoint(node: NodeHandle) -> Callable[[Request], Awaitable[Response]]:
    """Streamed or whole, as the body asks."""

    async def chat(request: Request) -> Response:
        body = await read_json(request, ChatRequest)
        asked = generate_of(body, request_id_of(request.scope))
        include_usage = includes_usage(body)
        answers = node.generate(asked, ModelId(body.model))
        head = CompletionHead(request_id=asked.request_id, model=body.model)
        headers = ignored_fields(body)
        if body.stream:
            writer = ChunkWriter(head, include_usage=include_usage)
            return StreamedAnswer(answers, writer, choices=asked.choices, include_usage=include_usage, headers=headers)
        document = await while_connected(request.receive, whole_answer(answers, head, asked.choices))
        return Response(status_code=CLIENT_GONE) if document is None else JSONResponse(document, headers=headers)

    return chat
