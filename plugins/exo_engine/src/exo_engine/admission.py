"""Whether a request can be taken, before anything is computed: its token ids and its limits, or a refusal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from exo_core.errors import RequestRefused
from exo_core.requests import ChatPrompt, Generate, Prompt, TextPrompt
from exo_engine.text import Tokenizer


@dataclass(frozen=True)
class Room:
    """The longest sequence, prompt and reply together: the model's, and what the caches here have memory for."""

    model_tokens: int
    cache_tokens: int

    @property
    def tokens(self) -> int:
        """The smaller."""
        return min(self.model_tokens, self.cache_tokens)


@dataclass(frozen=True)
class Admission:
    """A prompt's token ids and the most tokens that may follow."""

    prompt_ids: tuple[int, ...]
    limit: int


def admit(request: Generate, prompt_ids: tuple[int, ...], *, tokenizer: Tokenizer, room: Room) -> Admission:
    """Check a request against this model. Raises `RequestRefused`."""
    _check_room_of_replay(request, prompt_ids, room)
    check_length(prompt_ids, room.tokens - 1, room)
    left = room.tokens - len(prompt_ids)
    _check_delivered(request, tokenizer, left)
    return Admission(prompt_ids, min(request.max_tokens or left, left))


def admit_text(prompt: Prompt, *, tokenizer: Tokenizer, room: Room) -> tuple[int, ...]:
    """The ids of a text of which nothing is to be generated. Raises `RequestRefused`."""
    token_ids = prompt_token_ids(prompt, tokenizer)
    check_length(token_ids, room.tokens, room)
    return token_ids


def prompt_token_ids(prompt: Prompt, tokenizer: Tokenizer) -> tuple[int, ...]:
    """The ids of any prompt. Raises `RequestRefused`."""
    if isinstance(prompt, ChatPrompt):
        return tuple(tokenizer.encode_chat(prompt))
    if isinstance(prompt, TextPrompt):
        return tuple(tokenizer.encode(prompt.text))
    _check_ids(prompt.token_ids, tokenizer)
    return prompt.token_ids


def check_length(token_ids: tuple[int, ...], most: int, room: Room) -> None:
    """Refuse a prompt of no tokens, or of more than `most`."""
    if not token_ids:
        refuse("empty_prompt", "the prompt has no tokens; say something")
    if len(token_ids) <= most:
        return
    message = (
        f"This model's maximum context length is {room.tokens} tokens. However, your messages resulted in "
        f"{len(token_ids)} tokens. Please reduce the length of the messages."
    )
    if room.cache_tokens < room.model_tokens:
        message += (
            f" (The model itself reads {room.model_tokens} tokens, but the memory for its caches here holds "
            f"{room.cache_tokens}: give exo more memory, see --max-memory, or place the model over more machines.)"
        )
    refuse("context_length_exceeded", message)


def _check_ids(token_ids: tuple[int, ...], tokenizer: Tokenizer) -> None:
    size = tokenizer.vocabulary_size
    strange = next((token_id for token_id in token_ids if token_id >= size), None)
    if strange is not None:
        refuse("invalid_token", f"token id {strange} is not below {size}, the size of this model's vocabulary")


def _check_delivered(request: Generate, tokenizer: Tokenizer, room: int) -> None:
    if len(request.delivered) not in (0, request.choices):
        message = f"{len(request.delivered)} delivered choices were given for a request of {request.choices}"
        refuse("invalid_replay", message)
    for delivered in request.delivered:
        _check_ids(delivered, tokenizer)
        if len(delivered) > room:
            refuse("invalid_replay", f"{len(delivered)} tokens were delivered where only {room} had room")


def _check_room_of_replay(request: Generate, prompt_ids: tuple[int, ...], room: Room) -> None:
    """What was right when it began is not wrong because memory was called in since: others may have room for it."""
    known = len(prompt_ids) + max(map(len, request.delivered), default=0)
    if any(request.delivered) and room.tokens < known <= room.model_tokens:
        message = f"the caches here have room for {room.tokens} tokens by now, and the answer has come to {known}"
        refuse("instance_lost", f"{message}; ask again", status=503)


def refuse(code: str, message: str, status: int = 400) -> NoReturn:
    """Raise `RequestRefused`."""
    raise RequestRefused(status, code, message)
