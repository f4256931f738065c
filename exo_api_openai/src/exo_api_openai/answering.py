"""The end of every text route: an answer as a stream or in one piece, as the body asks."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from exo_api_openai.choice_format import ChoiceFormat
from exo_api_openai.chunk_writer import ChunkWriter
from exo_api_openai.streamed_answer import StreamedAnswer
from exo_api_openai.whole_answer import whole_answer
from exo_core.frozen import JsonValue
from exo_core.requests import Answer
from exo_http.disconnect import while_connected

CLIENT_GONE = 499
"""Never seen by anybody: the client is not there any more."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How an answer is to look. `head` is what its document, or each of its chunks, begins with."""

    head: dict[str, JsonValue]
    choices: ChoiceFormat
    count: int
    stream: bool
    include_usage: bool
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


async def answer_of(request: Request, answers: AsyncGenerator[Answer], asked: Asked) -> Response:
    """The response. Raises `ApiError` before anything is sent."""
    if asked.stream:
        writer = ChunkWriter(asked.head, asked.choices, include_usage=asked.include_usage)
        return StreamedAnswer(
            answers, writer, choices=asked.count, include_usage=asked.include_usage, headers=asked.headers
        )
    document = await while_connected(request.receive, whole_answer(answers, asked.choices, asked.count))
    if document is None:
        return gone()
    return JSONResponse({**asked.head, **document}, headers=asked.headers)


def gone() -> Response:
    """For a client that is not there any more."""
    return Response(status_code=CLIENT_GONE)
