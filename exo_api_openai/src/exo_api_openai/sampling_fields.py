"""The fields by which a client steers how text is drawn: OpenAI's, and vLLM's names for what OpenAI lacks."""

from __future__ import annotations

import secrets
from typing import Annotated, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticKnownError

from exo_core.frozen import Count, Int64
from exo_core.requests import Sampling
from exo_http.errors import ApiError
from exo_http.treatments import Extension, Honoured, WithoutEffect

Penalty = Annotated[float, Field(ge=-2, le=2, allow_inf_nan=False)]
Bias = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]
TokenKey = Annotated[str, Field(pattern="^[0-9]{1,10}$")]
MOST_BIASES = 10_000


def _not_too_many(biases: object) -> object:
    """Counted before each is looked at: pydantic, which counts afterwards, collects two errors for each wrong entry."""
    size = _entries(biases)
    if size > MOST_BIASES:
        lengths = {"field_type": "Dictionary", "max_length": MOST_BIASES, "actual_length": size}
        raise PydanticKnownError("too_long", lengths)  # noqa: EM101  one of pydantic's own kinds
    return biases


def _entries(value: object) -> int:
    return len(cast("dict[object, object]", value)) if isinstance(value, dict) else 0


Biases = Annotated[dict[TokenKey, Bias], Field(max_length=MOST_BIASES), BeforeValidator(_not_too_many)]
StopText = Annotated[str, Field(min_length=1, max_length=1000)]
TokenLimit = Annotated[int, Field(gt=0, lt=2**31)]
ModelName = Annotated[str, Field(min_length=1, max_length=4096)]


EXACT = "round nothing between machines, however thin their links"


class StreamOptions(BaseModel):
    """What a stream also says."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)
    include_usage: Annotated[bool | None, Honoured("a last chunk without choices counts the tokens")] = None
    include_obfuscation: Annotated[bool | None, WithoutEffect("nothing here pads what it sends")] = None


class SamplingFields(BaseModel):
    """Null means what leaving a field out means."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)
    model: Annotated[ModelName, Honoured("a hub id, a folder of a node, or `tiny`; one that is not placed is placed")]
    temperature: Annotated[
        Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None, Honoured("0 is greedy; 1 unless told")
    ] = None
    top_p: Annotated[Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | None, Honoured()] = None
    seed: Annotated[
        Int64 | None, Honoured("the same seed gives the same text, whatever runs beside it; drawn where it is missing")
    ] = None
    presence_penalty: Annotated[Penalty | None, Honoured()] = None
    frequency_penalty: Annotated[Penalty | None, Honoured()] = None
    logit_bias: Annotated[Biases | None, Honoured("token ids to -100 … 100")] = None
    stop: Annotated[
        StopText | Annotated[tuple[StopText, ...], Field(max_length=16, fail_fast=True)] | None,
        Honoured("not part of the answer"),
    ] = None
    n: Annotated[Annotated[int, Field(ge=1, le=128)] | None, Honoured("choices differ in what is drawn")] = None
    stream: Annotated[bool | None, Honoured("server-sent events, a chunk per token")] = None
    stream_options: Annotated[StreamOptions | None, Honoured("only together with `stream`")] = None
    top_k: Annotated[Annotated[int, Field(ge=-1, lt=2**31)] | None, Extension("0 and -1: no limit")] = None
    min_p: Annotated[
        Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None,
        Extension("no token less likely than so much of the likeliest"),
    ] = None
    repetition_penalty: Annotated[
        Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] | None,
        Extension("above 1: tokens that occurred become less likely"),
    ] = None
    ignore_eos: Annotated[bool | None, Extension("go on past the token that ends an answer")] = None
    min_tokens: Annotated[
        Annotated[Count, Field(lt=2**31)] | None, Extension("no end and no stop string before so many tokens")
    ] = None
    exact: Annotated[bool | None, Extension(EXACT)] = None
    user: Annotated[str | None, WithoutEffect("nobody is billed")] = None


def sampling_of(fields: SamplingFields, logprobs: int | None) -> Sampling:
    """How to draw. Without a seed one is drawn here, so that two requests differ and a replay does not."""
    return Sampling(
        temperature=_or(fields.temperature, 1.0),
        top_p=_or(fields.top_p, 1.0),
        top_k=max(fields.top_k or 0, 0),  # vLLM writes -1 for "no limit"
        min_p=_or(fields.min_p, 0.0),
        repetition_penalty=_or(fields.repetition_penalty, 1.0),
        presence_penalty=_or(fields.presence_penalty, 0.0),
        frequency_penalty=_or(fields.frequency_penalty, 0.0),
        logit_bias=_biases(fields.logit_bias or {}),
        seed=secrets.randbits(63) if fields.seed is None else fields.seed,
        ignore_eos=bool(fields.ignore_eos),
        min_tokens=fields.min_tokens or 0,
        logprobs=logprobs,
    )


def stop_texts(fields: SamplingFields) -> tuple[str, ...]:
    """Every text that ends the answer."""
    if fields.stop is None:
        return ()
    return (fields.stop,) if isinstance(fields.stop, str) else fields.stop


def includes_usage(fields: SamplingFields) -> bool:
    """Whether a stream counts its tokens. Raises `ApiError` 400 for options of a stream that is not asked for."""
    if fields.stream_options is not None and not fields.stream:
        message = 'stream_options: only together with "stream": true'
        raise ApiError(400, "invalid_value", message, param="stream_options")
    return bool(fields.stream_options and fields.stream_options.include_usage)


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _biases(biases: dict[str, float]) -> tuple[tuple[int, float], ...]:
    return tuple((int(key), bias) for key, bias in biases.items())
