"""`POST /tokenize` and `/detokenize`: what a model makes of a text, without computing anything."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from exo_api_openai.answering import gone
from exo_api_openai.engine_result import engine_result
from exo_api_openai.ignored import ignored_fields
from exo_api_openai.tokenize_request import DetokenizeRequest, TokenizeRequest, prompt_of
from exo_core.identifiers import ModelId
from exo_core.node_handle import NodeHandle
from exo_core.requests import Tokenize, TokenPrompt
from exo_http.disconnect import while_connected
from exo_http.json_body import read_json
from exo_http.request_ids import request_id_of


def tokenize_endpoint(node: NodeHandle) -> Callable[[Request], Awaitable[Response]]:
    """Text or conversation to token ids."""

    async def tokenize(request: Request) -> Response:
        body = await read_json(request, TokenizeRequest)
        asked = Tokenize(request_id=request_id_of(request.scope), prompt=prompt_of(body))
        found = await while_connected(request.receive, engine_result(node, asked, ModelId(body.model)))
        if found is None:
            return gone()
        ids, model = found[0].prompt_ids, node.state.models.get(ModelId(body.model))
        context = model.card.context if model else None
        document = {"count": len(ids), "max_model_len": context, "tokens": list(ids), "token_strs": None}
        return JSONResponse(document, headers=ignored_fields(body))

    return tokenize


def detokenize_endpoint(node: NodeHandle) -> Callable[[Request], Awaitable[Response]]:
    """Token ids to text."""

    async def detokenize(request: Request) -> Response:
        body = await read_json(request, DetokenizeRequest)
        asked = Tokenize(request_id=request_id_of(request.scope), prompt=TokenPrompt(token_ids=body.tokens))
        found = await while_connected(request.receive, engine_result(node, asked, ModelId(body.model)))
        return gone() if found is None else JSONResponse({"prompt": found[1].text}, headers=ignored_fields(body))

    return detokenize
