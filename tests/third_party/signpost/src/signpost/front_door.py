"""`POST /ask/MODEL`: a question as a JSON text, the answer in plain text as it comes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from pydantic import RootModel
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import BaseRoute, Route

from exo_core.identifiers import ModelId
from exo_core.node_handle import NodeHandle
from exo_core.requests import ChatPrompt, Chunk, Failed, Generate, Refused
from exo_http.errors import ApiError
from exo_http.json_body import read_json
from exo_http.request_ids import request_id_of


class Question(RootModel[str]):
    """What is asked."""


def routes(node: NodeHandle) -> Sequence[BaseRoute]:
    """The one route."""

    async def ask(request: Request) -> StreamingResponse:
        question = await read_json(request, Question)
        prompt = ChatPrompt(messages=({"role": "user", "content": question.root},))
        generate = Generate(request_id=request_id_of(request.scope), prompt=prompt)
        answer = spoken(node, generate, ModelId(request.path_params["model"]))
        first = await anext(answer)  # the status is sent only once the model has accepted
        return StreamingResponse(with_first(first, answer), media_type="text/plain; charset=utf-8")

    return [Route("/ask/{model:path}", ask, methods=["POST"])]


async def spoken(node: NodeHandle, request: Generate, model_id: ModelId) -> AsyncGenerator[str]:
    """The text of the answer. Closing it cancels the request. Raises `ApiError` before the first text."""
    async with aclosing(node.generate(request, model_id)) as answers:
        async for answer in answers:
            match answer:
                case Refused():
                    raise ApiError(answer.status, answer.code, answer.message)
                case Failed():
                    yield f"\n({answer.message})\n"
                case Chunk():
                    yield answer.text
                case _:
                    pass
    yield "\n"


async def with_first(first: str, rest: AsyncGenerator[str]) -> AsyncGenerator[str]:
    """A text that was awaited already, and all that follow."""
    async with aclosing(rest):
        yield first
        async for text in rest:
            yield text
