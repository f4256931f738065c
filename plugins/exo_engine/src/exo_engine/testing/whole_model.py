"""What a model says to one request that it has for itself: the reference for every way of computing it in parts."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from exo_core.requests import Embed, EngineRequest, Generate, Result, Sampling, Score
from exo_engine.admission import prompt_token_ids
from exo_engine.named_logprobs import named
from exo_engine.stage import TailOutput
from exo_engine.steps import Open, Row, RowOutput
from exo_engine.testing.arithmetic_stage import ArithmeticStage
from exo_engine.text import Tokenizer


def answer_alone(model: ArithmeticStage, request: EngineRequest, tokenizer: Tokenizer) -> Result | list[list[int]]:
    """The result, or each choice's `max_tokens` token ids, drawn one after the other, whatever would end them."""
    if isinstance(request, Generate):
        prompt = prompt_token_ids(request.prompt, tokenizer)
        return [_draw(model, request, choice, prompt) for choice in range(request.choices)]
    if isinstance(request, Embed):
        texts = [prompt_token_ids(prompt, tokenizer) for prompt in request.prompts]
        return Result(vectors=tuple(_mean(model, text) for text in texts))
    assert isinstance(request, Score)  # the only other one that is computed
    text = prompt_token_ids(request.prompt, tokenizer)
    scored = _whole(model, text, "scores", Sampling(temperature=0, logprobs=request.top)).scored[0]
    logprobs = tuple(named(tokenizer, token.token_id, token.logprob, token.top) for token in scored.tokens)
    return Result(token_ids=(text,), logprobs=logprobs)


def _draw(model: ArithmeticStage, request: Generate, choice: int, prompt: Sequence[int]) -> list[int]:
    model.clear()
    model.open(Open(sequence=0, choice=choice, sampling=request.sampling, prompt_ids=tuple(prompt)))
    tokens, position = [*prompt], 0
    for _ in range(request.max_tokens or 1):
        row = Row(sequence=0, position=position, count=len(tokens) - position, output="token")
        output = model.forward([row], tokens[position:])
        assert isinstance(output, TailOutput)  # it is the whole model
        position = len(tokens)
        tokens.append(output.drawn[0].token_id)
    return tokens[len(prompt) :]


def _mean(model: ArithmeticStage, text: tuple[int, ...]) -> tuple[float, ...]:
    total = _whole(model, text, "sum", Sampling(temperature=0)).sums[0].values
    return tuple(value / len(text) for value in struct.unpack(f"<{len(total) // 4}f", total))


def _whole(model: ArithmeticStage, text: tuple[int, ...], output: RowOutput, sampling: Sampling) -> TailOutput:
    model.clear()
    model.open(Open(sequence=0, choice=0, sampling=sampling, prompt_ids=text))
    given = model.forward([Row(sequence=0, position=0, count=len(text), output=output)], text)
    assert isinstance(given, TailOutput)  # it is the whole model
    return given
