"""`POST /v1/completions`: the continuation of a text, or of several."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from exo_api_openai.answering import Asked, answer_of, gone
from exo_api_openai.completion_head import CompletionHead
from exo_api_openai.completion_request import CompletionRequest, generates_of
from exo_api_openai.echoes import Echo, echoes_of
from exo_api_openai.ignored import ignored_fields
from exo_api_openai.request_groups import RequestGroups
from exo_api_openai.sampling_fields import includes_usage
from exo_api_openai.text_choices import TextChoices
from exo_api_openai.usage import usage_document
from exo_core.identifiers import ModelId
from exo_core.node_handle import NodeHandle
from exo_http.disconnect import while_connected
from exo_http.json_body import read_json
from exo_http.request_ids import request_id_of


def completions_endpoint(node: NodeHandle, groups: RequestGroups) -> Callable[[Request], Awaitable[Response]]:
    """Streamed or whole, as the body asks."""

    async def complete(request: Request) -> Response:
        body = await read_json(request, CompletionRequest)
        request_id, model_id = request_id_of(request.scope), ModelId(body.model)
        generates = generates_of(body, request_id)
        include_usage = includes_usage(body)
        echoes: Sequence[Echo] | None = ()
        if body.echo:
            echoes = await while_connected(request.receive, echoes_of(node, generates, model_id, body.logprobs))
        if echoes is None:
            return gone()
        choices = TextChoices(echoes, per_prompt=generates[0].choices)
        asked = Asked(
            head=CompletionHead(request_id=request_id, model=body.model, prefix="cmpl-").document("text_completion"),
            choices=choices,
            count=len(generates) * generates[0].choices,
            stream=bool(body.stream),
            include_usage=include_usage,
            headers=ignored_fields(body),
        )
        if body.max_tokens == 0:
            usage = usage_document(prompt=sum(echo.tokens for echo in echoes))
            document = {**asked.head, "choices": choices.only_echoes(), "usage": usage}
            return JSONResponse(document, headers=asked.headers)
        return await answer_of(request, groups.generate(request_id, generates, model_id), asked)

    return complete
