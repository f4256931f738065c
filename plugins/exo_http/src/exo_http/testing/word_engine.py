"""An engine whose tokens are words: a small and complete answer to every kind of request."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from exo_core.requests import (
    Accepted,
    Answer,
    ChatPrompt,
    ChunkLogprobs,
    Embed,
    EngineRequest,
    Generate,
    Prompt,
    Result,
    Score,
    TextPrompt,
    TokenLogprob,
)
from exo_http.testing.scripts import chunks_of

WORDS = ["<s>", "one", " two", " three", " four", " five"]
"""By token id. The first is special: it stands in no text."""


async def word_engine(request: EngineRequest) -> AsyncGenerator[Answer]:
    """Continues by repeating the prompt's last word as often as asked; scores a token by its id."""
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
            for chunk in chunks_of([WORDS[ids[-1]]] * (request.max_tokens or 3), choice=choice, finish="length"):
                logprobs = None if request.sampling.logprobs is None else score(ids[-1], request.sampling.logprobs)
                yield chunk.model_copy(update={"logprobs": logprobs})
    else:
        yield Result(token_ids=(ids,), text="".join(WORDS[token_id] for token_id in ids if token_id))


def ids_of(prompt: Prompt) -> tuple[int, ...]:
    """A text begins with the special token."""
    assert not isinstance(prompt, ChatPrompt)
    if not isinstance(prompt, TextPrompt):
        return prompt.token_ids
    ids, rest = [0], prompt.text
    while rest:
        word = next(word for word in WORDS[1:] if rest.startswith(word))
        ids.append(WORDS.index(word))
        rest = rest[len(word) :]
    return tuple(ids)


def score(token_id: int, top: int) -> ChunkLogprobs:
    """Of a token, and of the first ones."""
    tokens = [TokenLogprob(token_id=each, token=WORDS[each], logprob=-float(each)) for each in range(len(WORDS))]
    return ChunkLogprobs(drawn=tokens[token_id], top=tuple(tokens[:top]))
