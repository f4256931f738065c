"""A completion in one piece."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from exo_api_openai.choice_format import ChoiceFormat
from exo_api_openai.choice_so_far import ChoiceSoFar
from exo_api_openai.inbox import Inbox
from exo_api_openai.opening import acceptance, cancelled, failure
from exo_api_openai.usage import Usage
from exo_core.frozen import JsonValue
from exo_core.requests import Answer, Chunk, Failed


async def whole_answer(answers: AsyncGenerator[Answer], choices: ChoiceFormat, count: int) -> dict[str, JsonValue]:
    """Its `count` choices and its usage, once all of it is there. Raises `ApiError`."""
    async with Inbox(answers) as inbox:
        usage = Usage(accepted=await acceptance(inbox))
        parts = [ChoiceSoFar() for _ in range(count)]
        while (answer := await inbox.next()) is not None:
            if isinstance(answer, Failed):
                raise failure(answer)
            usage.take(answer)
            if isinstance(answer, Chunk):
                parts[answer.choice].add(answer)
    if any(part.finish in {None, "cancelled"} for part in parts):
        raise cancelled()
    documents: list[JsonValue] = [choices.whole(index, part) for index, part in enumerate(parts)]
    return {"choices": documents, "usage": usage.document()}
