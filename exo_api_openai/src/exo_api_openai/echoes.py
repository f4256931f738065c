"""The prompt before its completion (`echo`), with the log probabilities of its own tokens if asked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from exo_api_openai.engine_result import engine_result
from exo_api_openai.text_logprobs import TextLogprobs, of_prompt
from exo_core.identifiers import ModelId, RequestId
from exo_core.node_handle import NodeHandle
from exo_core.requests import Generate, Score, TextPrompt, Tokenize, TokenPrompt


@final
@dataclass(frozen=True, kw_only=True)
class Echo:
    """A prompt as text; `tokens` counts its token ids."""

    text: str
    tokens: int
    logprobs: TextLogprobs | None = None


async def echoes_of(
    node: NodeHandle, requests: Sequence[Generate], model_id: ModelId, top: int | None
) -> tuple[Echo, ...]:
    """One per request. Raises `ApiError`; when one fails, nothing of the others is computed any more."""
    echoes = [asyncio.create_task(_echo(node, request, model_id, top)) for request in requests]
    try:
        return tuple(await asyncio.gather(*echoes))
    finally:
        for echo in echoes:
            echo.cancel()
        await asyncio.gather(*echoes, return_exceptions=True)


async def _echo(node: NodeHandle, request: Generate, model_id: ModelId, top: int | None) -> Echo:
    prompt = request.prompt
    asked = Tokenize(request_id=RequestId(f"{request.request_id}-echo"), prompt=prompt)
    accepted, result = await engine_result(node, asked, model_id)
    text, ids = prompt.text if isinstance(prompt, TextPrompt) else result.text, accepted.prompt_ids
    if top is None or not ids:
        return Echo(text=text, tokens=len(ids))
    score = Score(
        request_id=RequestId(f"{request.request_id}-score"),
        prompt=TokenPrompt(token_ids=ids),
        top=top,
        exact=request.exact,
    )
    _, scored = await engine_result(node, score, model_id)
    first = Tokenize(request_id=asked.request_id, prompt=TokenPrompt(token_ids=ids[:1]))
    _, named = await engine_result(node, first, model_id)
    return Echo(text=text, tokens=len(ids), logprobs=of_prompt(text, named.text, scored.logprobs))
