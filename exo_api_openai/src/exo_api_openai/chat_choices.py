"""How a choice of a chat completion looks."""

from __future__ import annotations

from typing import final

from exo_api_openai.choice_so_far import ChoiceSoFar
from exo_api_openai.deltas import Delta
from exo_api_openai.logprobs import logprobs_document
from exo_core.frozen import JsonValue
from exo_core.requests import Channel

CHANNEL_FIELDS: dict[Channel, str] = {"content": "content", "reasoning": "reasoning_content"}
"""Where a channel's text goes. Requests with tools are refused, so no engine sends on that channel."""


@final
class ChatChoices:
    """See `ChoiceFormat`."""

    def opening(self, index: int) -> dict[str, JsonValue]:
        """The role."""
        return {"index": index, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}

    def delta(self, delta: Delta) -> dict[str, JsonValue]:
        """A piece of the message."""
        text, field = delta.text, CHANNEL_FIELDS[delta.channel]
        choice: dict[str, JsonValue] = {
            "index": delta.choice,
            "delta": {field: text} if text or delta.finish is None else {},
            "finish_reason": delta.finish,
        }
        if delta.logprobs:
            choice["logprobs"] = logprobs_document(delta.logprobs)
        return choice

    def whole(self, index: int, choice: ChoiceSoFar) -> dict[str, JsonValue]:
        """The message."""
        message: dict[str, JsonValue] = {"role": "assistant", "content": "", "refusal": None}
        for channel in choice.texts:
            message[CHANNEL_FIELDS[channel]] = choice.text(channel)
        logprobs = logprobs_document(choice.logprobs) if choice.logprobs else None
        return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": choice.finish}
