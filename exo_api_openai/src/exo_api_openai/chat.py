"""`POST /v1/chat/completions`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from exo_api_openai.answering import Asked, answer_of
from exo_api_openai.chat_choices import ChatChoices
from exo_api_openai.chat_request import ChatRequest, generate_of
from exo_api_openai.completion_head import CompletionHead
from exo_api_openai.ignored import ignored_fields
from exo_api_openai.sampling_fields import includes_usage
from exo_core.identifiers import ModelId
from exo_core.node_handle import NodeHandle
from exo_http.json_body import read_json
from exo_http.request_ids import request_id_of


def chat_endpoint(node: NodeHandle) -> Callable[[Request], Awaitable[Response]]:
    """Streamed or whole, as the body asks."""

    async def chat(request: Request) -> Response:
        body = await read_json(request, ChatRequest)
        generate = generate_of(body, request_id_of(request.scope))
        head = CompletionHead(request_id=generate.request_id, model=body.model)
        asked = Asked(
            head=head.document("chat.completion.chunk" if body.stream else "chat.completion"),
            choices=ChatChoices(generate.request_id, may_call=generate.tool_use is not None),
            count=generate.choices,
            stream=bool(body.stream),
            include_usage=includes_usage(body),
            headers=ignored_fields(body),
        )
        return await answer_of(request, node.generate(generate, ModelId(body.model)), asked)

    return chat
