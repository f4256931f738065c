"""What a scripted engine says: the pieces of which tests make their scripts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from exo_core.requests import Accepted, Answer, Chunk, EngineRequest, FinishReason, Generate, Progress
from exo_http.testing.scripted_node import Script


def chunks_of(tokens: Sequence[str], *, choice: int = 0, finish: FinishReason | None = "stop") -> list[Chunk]:
    """One chunk per token, with the right offsets; the last one finishes."""
    offsets = [sum(map(len, tokens[:index])) for index in range(len(tokens))]
    return [
        Chunk(
            choice=choice,
            index=index,
            token_id=1000 + index,
            text_from=offsets[index],
            text=text,
            finish=finish if index == len(tokens) - 1 else None,
        )
        for index, text in enumerate(tokens)
    ]


def saying(*tokens: str, prompt_tokens: int = 5, finish: FinishReason = "stop") -> Script:
    """Accepts, and gives these tokens to every choice, one choice after the other."""

    async def script(request: EngineRequest) -> AsyncGenerator[Answer]:
        yield Accepted(prompt_ids=tuple(range(prompt_tokens)))
        yield Progress(phase="prefill", done=1, total=prompt_tokens, cached=1)
        for choice in range(request.choices if isinstance(request, Generate) else 1):
            for chunk in chunks_of(tokens, choice=choice, finish=finish):
                yield chunk

    return script


def answering(*answers: Answer) -> Script:
    """Gives exactly these answers."""

    async def script(request: EngineRequest) -> AsyncGenerator[Answer]:
        del request
        for answer in answers:
            yield answer

    return script


def endless(word: str = "on ") -> Script:
    """Accepts and never ends; it lets others run between tokens."""

    async def script(request: EngineRequest) -> AsyncGenerator[Answer]:
        del request
        yield Accepted(prompt_ids=(1, 2, 3))
        index = 0
        while True:
            yield Chunk(index=index, token_id=7, text_from=index * len(word), text=word)
            index += 1
            await asyncio.sleep(0)

    return script
