"""A chat completion in one piece."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from exo_api_openai.completion_head import CHANNEL_FIELDS, CompletionHead
from exo_api_openai.inbox import Inbox
from exo_api_openai.logprobs import logprobs_document
from exo_api_openai.opening import acceptance, cancelled, failure
from exo_api_openai.usage import Usage
from exo_core.frozen import JsonValue
from exo_core.requests import Answer, Channel, Chunk, ChunkLogprobs, Failed, FinishReason


@dataclass(kw_only=True)
class ChoiceSoFar:
    """One choice, growing."""

    texts: dict[Channel, list[str]] = field(default_factory=dict[Channel, list[str]])
    logprobs: list[ChunkLogprobs] = field(default_factory=list[ChunkLogprobs])
    finish: FinishReason | None = None

    def add(self, chunk: Chunk) -> None:
        """One more token."""
        self.texts.setdefault(chunk.channel, []).append(chunk.text)
        self.finish = chunk.finish
        if chunk.logprobs is not None:
            self.logprobs.append(chunk.logprobs)

    def document(self, index: int) -> dict[str, JsonValue]:
        """OpenAI's `choice`."""
        message: dict[str, JsonValue] = {"role": "assistant", "content": "", "refusal": None}
        for channel, texts in self.texts.items():
            message[CHANNEL_FIELDS[channel]] = "".join(texts)
        logprobs = logprobs_document(self.logprobs) if self.logprobs else None
        return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": self.finish}


async def whole_answer(answers: AsyncGenerator[Answer], head: CompletionHead, choices: int) -> dict[str, JsonValue]:
    """The completion, once all of it is there. Raises `ApiError`."""
    async with Inbox(answers) as inbox:
        usage = Usage(accepted=await acceptance(inbox))
        parts = [ChoiceSoFar() for _ in range(choices)]
        while (answer := await inbox.next()) is not None:
            if isinstance(answer, Failed):
                raise failure(answer)
            usage.take(answer)
            if isinstance(answer, Chunk):
                parts[answer.choice].add(answer)
    if any(part.finish in {None, "cancelled"} for part in parts):
        raise cancelled()
    documents: list[JsonValue] = [part.document(index) for index, part in enumerate(parts)]
    return {**head.document("chat.completion"), "choices": documents, "usage": usage.document()}
