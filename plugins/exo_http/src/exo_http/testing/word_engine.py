"""An engine whose tokens are words: a small and complete answer to every kind of request."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator

from exo_core.requests import (
    Accepted,
    Answer,
    ChatPrompt,
    ChunkLogprobs,
    Embed,
    EngineRequest,
    Generate,
    Prompt,
    Refused,
    Result,
    Score,
    TokenLogprob,
    TokenPrompt,
)
from exo_http.testing.scripts import chunks_of

WORDS = ["<s>", "one", " two", " three", " four", " five", "?"]
"""By token id. The first is special: it stands in no text. The last stands for every other character."""
LONGEST = 50
"""Tokens that are generated at most."""


async def word_engine(request: EngineRequest) -> AsyncGenerator[Answer]:
    """Continues by repeating the prompt's last word as often as asked; scores a token by its id."""
    strange = [token_id for token_id in _given_ids(request) if token_id >= len(WORDS)]
    if strange:
        yield Refused(status=400, code="invalid_token", message=f"token id {strange[0]} is not below {len(WORDS)}")
        return
    if isinstance(request, Embed):
        ids = [ids_of(prompt) for prompt in request.prompts]
        yield Accepted(prompt_ids=tuple(token_id for each in ids for token_id in each))
        yield Result(vectors=tuple((3.0 * len(each), 4.0 * len(each)) for each in ids))
        return
    ids = ids_of(request.prompt)
    yield Accepted(prompt_ids=ids)
    if isinstance(request, Score):
        yield Result(token_ids=(ids,), logprobs=tuple(score(token_id, request.top) for token_id in ids[1:]))
    elif isinstance(request, Generate):
        for choice in range(request.choices):
            for chunk in chunks_of(
                [WORDS[ids[-1]]] * min(request.max_tokens or 3, LONGEST), choice=choice, finish="length"
            ):
                logprobs = None if request.sampling.logprobs is None else score(ids[-1], request.sampling.logprobs)
                yield chunk.model_copy(update={"logprobs": logprobs})
    else:
        yield Result(token_ids=(ids,), text="".join(WORDS[token_id] for token_id in ids if token_id))


def ids_of(prompt: Prompt) -> tuple[int, ...]:
    """A text begins with the special token; a conversation is a token per message."""
    if isinstance(prompt, TokenPrompt):
        return prompt.token_ids
    if isinstance(prompt, ChatPrompt):
        return (0, *(1 for _ in prompt.messages))
    ids, rest = [0], prompt.text
    while rest:
        word = next((word for word in WORDS[1:-1] if rest.startswith(word)), rest[0])
        ids.append(WORDS.index(word) if word in WORDS else len(WORDS) - 1)
        rest = rest[len(word) :]
    return tuple(ids)


def _given_ids(request: EngineRequest) -> Iterator[int]:
    for prompt in request.prompts if isinstance(request, Embed) else (request.prompt,):
        yield from prompt.token_ids if isinstance(prompt, TokenPrompt) else ()


def score(token_id: int, top: int) -> ChunkLogprobs:
    """Of a token, and of the first ones."""
    tokens = [TokenLogprob(token_id=each, token=WORDS[each], logprob=-float(each)) for each in range(len(WORDS))]
    return ChunkLogprobs(drawn=tokens[token_id], top=tuple(tokens[:top]))
