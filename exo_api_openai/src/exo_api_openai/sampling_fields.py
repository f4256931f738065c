"""The fields by which a client steers how text is drawn: OpenAI's, and vLLM's names for what OpenAI lacks."""

from __future__ import annotations

import secrets
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from exo_core.frozen import Count, Int64
from exo_core.requests import Sampling
from exo_http.errors import ApiError

Penalty = Annotated[float, Field(ge=-2, le=2, allow_inf_nan=False)]
Bias = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]
StopText = Annotated[str, Field(min_length=1, max_length=1000)]
TokenLimit = Annotated[int, Field(gt=0, lt=2**31)]


class StreamOptions(BaseModel):
    """`include_obfuscation` has no effect: nothing here pads what it sends."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)
    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class SamplingFields(BaseModel):
    """Null means what leaving a field out means."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)
    temperature: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | None = None
    seed: Int64 | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    logit_bias: dict[str, Bias] | None = None
    stop: StopText | Annotated[tuple[StopText, ...], Field(max_length=16)] | None = None
    n: Annotated[int, Field(ge=1, le=128)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    top_k: Annotated[int, Field(ge=-1, lt=2**31)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    repetition_penalty: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] | None = None
    ignore_eos: bool | None = None
    min_tokens: Annotated[Count, Field(lt=2**31)] | None = None
    user: str | None = None
    """Accepted without effect."""


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


def check_stream_options(fields: SamplingFields) -> None:
    """Raises `ApiError` 400 for options of a stream that is not asked for."""
    if fields.stream_options is not None and not fields.stream:
        message = 'stream_options: only together with "stream": true'
        raise ApiError(400, "invalid_value", message, param="stream_options")


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _biases(biases: dict[str, float]) -> tuple[tuple[int, float], ...]:
    return tuple((_token_id(key), bias) for key, bias in biases.items())


def _token_id(key: str) -> int:
    if not (key.isascii() and key.isdecimal() and len(key) <= 10):
        message = f"logit_bias: '{key[:50]}' is no token id"
        raise ApiError(400, "invalid_value", message, param="logit_bias")
    return int(key)
