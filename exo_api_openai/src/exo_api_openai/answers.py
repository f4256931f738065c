"""How every answer of this API looks, for `GET /openapi.json`. The answers themselves are made of plain JSON."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Closed(BaseModel):
    """Nothing but the fields that are named."""

    model_config = ConfigDict(extra="forbid")


class PromptTokensDetails(Closed):
    """Of the prompt's tokens."""

    cached_tokens: int


class CompletionTokensDetails(Closed):
    """Of the answer's tokens."""

    reasoning_tokens: int


class UsageObject(Closed):
    """Tokens, all choices together."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails
    completion_tokens_details: CompletionTokensDetails


class TopLogprob(Closed):
    """A token that might have been drawn."""

    token: str
    logprob: float
    bytes: list[int] | None


class TokenLogprobObject(TopLogprob):
    """A token that was."""

    top_logprobs: list[TopLogprob]


class ChatLogprobs(Closed):
    """One entry per token."""

    content: list[TokenLogprobObject]
    refusal: None


class CalledFunction(Closed):
    """A function and its arguments, which are JSON."""

    name: str
    arguments: str


class ToolCallObject(Closed):
    """A call for the client to make."""

    id: str
    type: Literal["function"]
    function: CalledFunction


class ChatMessage(Closed):
    """What the model said. `content` is null where it only called tools."""

    role: Literal["assistant"]
    content: str | None
    refusal: None
    reasoning_content: str = ""
    tool_calls: list[ToolCallObject] = []


class ChatChoice(Closed):
    """One of `n`."""

    index: int
    message: ChatMessage
    logprobs: ChatLogprobs | None
    finish_reason: Literal["stop", "length", "tool_calls"]


class ChatCompletion(Closed):
    """The answer of `POST /v1/chat/completions`."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ChatChoice]
    usage: UsageObject


class TextLogprobsObject(Closed):
    """An entry per token in each."""

    tokens: list[str]
    token_logprobs: list[float | None]
    top_logprobs: list[dict[str, float] | None]
    text_offset: list[int]


class TextChoice(Closed):
    """One of `n` for each prompt."""

    index: int
    text: str
    logprobs: TextLogprobsObject | None
    finish_reason: Literal["stop", "length"]


class TextCompletion(Closed):
    """The answer of `POST /v1/completions`."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[TextChoice]
    usage: UsageObject


class EmbeddingObject(Closed):
    """A vector of length one: numbers, or 32-bit floats in base64."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class EmbeddingUsage(Closed):
    """Tokens of all inputs."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingList(Closed):
    """The answer of `POST /v1/embeddings`."""

    object: Literal["list"]
    data: list[EmbeddingObject]
    model: str
    usage: EmbeddingUsage


class ModelObject(Closed):
    """A model that can be asked for."""

    id: str
    root: str
    object: Literal["model"]
    created: int
    owned_by: str
    context_length: int | None


class ModelList(Closed):
    """All of them."""

    object: Literal["list"]
    data: list[ModelObject]


class Cancelled(Closed):
    """A request that was ended."""

    id: str
    object: Literal["request.cancelled"]
    cancelled: Literal[True]


class Tokens(Closed):
    """The answer of `POST /tokenize`."""

    count: int
    max_model_len: int | None
    tokens: list[int]
    token_strs: None


class Detokenized(Closed):
    """The answer of `POST /detokenize`."""

    prompt: str
