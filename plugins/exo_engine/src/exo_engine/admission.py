"""Whether a request can be taken, before anything is computed: its token ids and its limits, or a refusal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from exo_core.errors import RequestRefused
from exo_core.requests import ChatPrompt, Generate, Prompt, TextPrompt
from exo_engine.text import Tokenizer


@dataclass(frozen=True)
class Admission:
    """A prompt's token ids and the most tokens that may follow."""

    prompt_ids: tuple[int, ...]
    limit: int


def admit(request: Generate, *, tokenizer: Tokenizer, context: int) -> Admission:
    """Check a request against this model. Raises `RequestRefused`."""
    if request.constraint is not None:
        _refuse("constraint_not_supported", "this engine cannot hold an answer to a schema or grammar yet")
    prompt_ids = prompt_token_ids(request.prompt, tokenizer)
    if not prompt_ids:
        _refuse("empty_prompt", "the prompt has no tokens; say something")
    room = context - len(prompt_ids)
    if room <= 0:
        message = (
            f"This model's maximum context length is {context} tokens. However, your messages resulted in "
            f"{len(prompt_ids)} tokens. Please reduce the length of the messages."
        )
        _refuse("context_length_exceeded", message)
    _check_delivered(request, tokenizer, room)
    return Admission(prompt_ids, min(request.max_tokens or room, room))


def prompt_token_ids(prompt: Prompt, tokenizer: Tokenizer) -> tuple[int, ...]:
    """The ids of any prompt. Raises `RequestRefused`."""
    if isinstance(prompt, ChatPrompt):
        return tuple(tokenizer.encode_chat(prompt))
    if isinstance(prompt, TextPrompt):
        return tuple(tokenizer.encode(prompt.text))
    _check_ids(prompt.token_ids, tokenizer)
    return prompt.token_ids


def _check_ids(token_ids: tuple[int, ...], tokenizer: Tokenizer) -> None:
    size = tokenizer.vocabulary_size
    strange = next((token_id for token_id in token_ids if token_id >= size), None)
    if strange is not None:
        _refuse("invalid_token", f"token id {strange} is not below {size}, the size of this model's vocabulary")


def _check_delivered(request: Generate, tokenizer: Tokenizer, room: int) -> None:
    if len(request.delivered) not in (0, request.choices):
        message = f"{len(request.delivered)} delivered choices were given for a request of {request.choices}"
        _refuse("invalid_replay", message)
    for delivered in request.delivered:
        _check_ids(delivered, tokenizer)
        if len(delivered) > room:
            _refuse("invalid_replay", f"{len(delivered)} tokens were delivered where only {room} had room")


def _refuse(code: str, message: str) -> NoReturn:
    raise RequestRefused(400, code, message)
