"""How a choice of a chat completion looks."""

from __future__ import annotations

from typing import final

from exo_api_openai.choice_so_far import ChoiceSoFar
from exo_api_openai.deltas import Delta
from exo_api_openai.logprobs import logprobs_document
from exo_api_openai.tool_calls import begun_call, call_id, more_of_call, whole_call
from exo_core.frozen import JsonValue
from exo_core.identifiers import RequestId

REASONING = "reasoning_content"
"""Where thoughts go, in a message and in its deltas."""


@final
class ChatChoices:
    """See `ChoiceFormat`. With `may_call` the message may be calls of tools and nothing else."""

    def __init__(self, request_id: RequestId, *, may_call: bool = False) -> None:
        self._request_id = request_id
        self._may_call = may_call

    def opening(self, index: int) -> dict[str, JsonValue]:
        """The role."""
        content = None if self._may_call else ""
        return {"index": index, "delta": {"role": "assistant", "content": content}, "finish_reason": None}

    def delta(self, delta: Delta) -> dict[str, JsonValue]:
        """A piece of the message."""
        choice: dict[str, JsonValue] = {
            "index": delta.choice,
            "delta": self._piece(delta),
            "finish_reason": delta.finish,
        }
        if delta.logprobs:
            choice["logprobs"] = logprobs_document(delta.logprobs)
        return choice

    def whole(self, index: int, choice: ChoiceSoFar) -> dict[str, JsonValue]:
        """The message."""
        content = choice.text("content")
        message: dict[str, JsonValue] = {
            "role": "assistant",
            "content": None if choice.calls and not content else content,
            "refusal": None,
        }
        if reasoning := choice.text("reasoning"):
            message[REASONING] = reasoning
        if choice.calls:
            message["tool_calls"] = [
                whole_call(call_id(self._request_id, index, number), call.name, "".join(call.arguments))
                for number, call in enumerate(choice.calls)
            ]
        logprobs = logprobs_document(choice.logprobs) if choice.logprobs else None
        return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": choice.finish}

    def _piece(self, delta: Delta) -> dict[str, JsonValue]:
        """Nothing where a token gave no text; an empty text of a message that can only be content."""
        text = delta.text
        if delta.channel == "content":
            return {"content": text} if text or not (self._may_call or delta.finish) else {}
        if delta.channel == "reasoning":
            return {REASONING: text} if text else {}
        if delta.call is None or not (text or delta.name):
            return {}
        if delta.name is None:
            return {"tool_calls": [more_of_call(delta.call, text)]}
        identifier = call_id(self._request_id, delta.choice, delta.call)
        return {"tool_calls": [begun_call(delta.call, identifier, delta.name, text)]}
