"""The bodies of `POST /tokenize` and `/detokenize`, named as in vLLM."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict

from exo_api_openai.messages import Messages, template_messages
from exo_api_openai.prompts import TokenIds
from exo_api_openai.sampling_fields import ModelName
from exo_api_openai.tool_fields import Tools, template_tools
from exo_core.requests import ChatPrompt, TextPrompt
from exo_http.errors import ApiError
from exo_http.treatments import Honoured, Refused, refuse_by_name


class TokenizeRequest(BaseModel):
    """Null means what leaving a field out means."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)
    model: Annotated[ModelName, Honoured("one that is not placed is placed")]
    prompt: Annotated[str | None, Honoured("a text, tokenized as for a completion")] = None
    messages: Annotated[
        Messages | None,
        Honoured("a conversation, as for a chat completion; either this or `prompt`"),
    ] = None
    tools: Annotated[Tools | None, Honoured("of the conversation")] = None
    add_special_tokens: Annotated[
        bool | None, Refused("they are there if the model has them, as in a completion", unless=(True,))
    ] = None
    return_token_strs: Annotated[bool | None, Refused("only ids are given", unless=(False,))] = None


class DetokenizeRequest(BaseModel):
    """Null means what leaving a field out means."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)
    model: Annotated[ModelName, Honoured("one that is not placed is placed")]
    tokens: Annotated[TokenIds, Honoured("special tokens stand for no text")]


def prompt_of(body: TokenizeRequest) -> TextPrompt | ChatPrompt:
    """What is tokenized. Raises `ApiError` 400."""
    refuse_by_name(body)
    if body.messages is not None and body.prompt is None:
        return ChatPrompt(messages=template_messages(body.messages), tools=template_tools(body.tools))
    if body.prompt is not None and body.messages is None:
        return TextPrompt(text=body.prompt)
    message = "prompt: say what to tokenize, either by 'prompt' or by 'messages'"
    raise ApiError(400, "invalid_value", message, param="prompt")
