"""What the echo backend says to a request: the last message's words, as often as asked for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, cycle, islice

from exo_core.errors import RequestRefused
from exo_core.requests import ChatPrompt, Chunk, FinishReason, Generate, Prompt, TextPrompt
from exo_core.testing.echo_words import text_of_token, token_ids_of


def prompt_ids_of(prompt: Prompt) -> tuple[int, ...]:
    """The ids of a prompt: of a conversation, those of its last message's content."""
    if isinstance(prompt, ChatPrompt):
        return token_ids_of(str(prompt.messages[-1].get("content", "")) if prompt.messages else "")
    return token_ids_of(prompt.text) if isinstance(prompt, TextPrompt) else prompt.token_ids


def reply_chunks(request: Generate, prompt_ids: tuple[int, ...], *, context: int) -> Iterator[Chunk]:
    """All chunks of all choices that the client does not have, in order; of a choice that it has, the last one again.

    Raises `RequestRefused`.
    """
    if request.grammar is not None:
        raise RequestRefused(400, "grammar_not_supported", "the echo backend says only what it hears")
    room = context - len(prompt_ids)
    if not prompt_ids or room <= 0:
        message = f"this model's maximum context length is {context} tokens; the prompt has {len(prompt_ids)}"
        raise RequestRefused(400, "context_length_exceeded" if prompt_ids else "empty_prompt", message)
    limit = min(request.max_tokens or room, room)
    said = list(islice(cycle(prompt_ids), limit)) if request.sampling.ignore_eos else list(prompt_ids[:limit])
    finish: FinishReason = "length" if len(said) == limit else "stop"
    return chain.from_iterable(_choice(request, choice, said, finish) for choice in range(request.choices))


def _choice(request: Generate, choice: int, said: list[int], finish: FinishReason) -> Iterator[Chunk]:
    """Made as they are asked for, but for a replay."""
    chunks = _chunks(request, choice, said, finish)
    if request.delivered:
        known = list(chunks)
        return iter(known[min(len(request.delivered[choice]), len(known) - 1) :])
    return chunks


def _chunks(request: Generate, choice: int, said: list[int], finish: FinishReason) -> Iterator[Chunk]:
    """One choice; its text ends before the first stop string, at the token that completes it."""
    whole = "".join(text_of_token(token_id) for token_id in said)
    end, ends_at = min(
        ((at + len(stop), at) for stop in request.stop if (at := whole.find(stop)) >= 0), default=(None, len(whole))
    )
    position = 0
    for index, token_id in enumerate(said):
        begins, position = position, position + len(text_of_token(token_id))
        stopped = end is not None and position >= end
        yield Chunk(
            choice=choice,
            attempt=request.attempt,
            index=index,
            token_id=token_id,
            text_from=min(begins, ends_at),
            text=whole[min(begins, ends_at) : min(position, ends_at)],
            finish="stop" if stopped else finish if index == len(said) - 1 else None,
        )
        if stopped:
            return
