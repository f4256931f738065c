"""The body of `POST /v1/completions`: every documented field, and how it is treated."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from exo_api_openai.prompts import Prompts, prompt_list
from exo_api_openai.sampling_fields import SamplingFields, sampling_of, stop_texts
from exo_core.identifiers import RequestId
from exo_core.requests import Generate
from exo_http.errors import ApiError
from exo_http.treatments import Honoured, Refused, refuse_by_name

DEFAULT_TOKENS = 16
"""As OpenAI documents it."""
MOST_CHOICES = 512


class CompletionRequest(SamplingFields):
    """What a client may ask of a text."""

    prompt: Annotated[Prompts, Honoured("a text, token ids, or a list of either; used as it stands")]
    max_tokens: Annotated[
        Annotated[int, Field(ge=0, lt=2**31)] | None, Honoured("16 unless told; 0 only with `echo`, not streamed")
    ] = None
    echo: Annotated[bool | None, Honoured("the prompt first, with `logprobs` its own too")] = None
    logprobs: Annotated[
        Annotated[int, Field(ge=0, le=20)] | None, Honoured("after penalties and biases, before temperature")
    ] = None
    best_of: Annotated[
        Annotated[int, Field(ge=1, le=128)] | None,
        Refused("choices are not ranked here; ask for `n` and rank them", unless=(1,)),
    ] = None
    suffix: Annotated[str | None, Refused("nothing here fills a gap before a given end", unless=("",))] = None


def generates_of(body: CompletionRequest, request_id: RequestId) -> tuple[Generate, ...]:
    """What the engine is asked, a request per prompt; the first has the client's id. Raises `ApiError` 400."""
    refuse_by_name(body)
    prompts, choices = prompt_list(body.prompt), body.n or 1
    if len(prompts) * choices > MOST_CHOICES:
        message = f"prompt: {len(prompts)} prompts with {choices} choices each; {MOST_CHOICES} choices at most"
        raise ApiError(400, "invalid_value", message, param="prompt")
    if body.max_tokens == 0 and (body.stream or not body.echo):
        message = 'max_tokens: 0 is possible only with "echo": true and not in a stream'
        raise ApiError(400, "invalid_value", message, param="max_tokens")
    return tuple(
        Generate(
            request_id=RequestId(f"{request_id}-{number}") if number else request_id,
            prompt=prompt,
            sampling=sampling_of(body, body.logprobs),
            max_tokens=(DEFAULT_TOKENS if body.max_tokens is None else body.max_tokens) or 1,
            stop=stop_texts(body),
            choices=choices,
            exact=bool(body.exact),
        )
        for number, prompt in enumerate(prompts)
    )
