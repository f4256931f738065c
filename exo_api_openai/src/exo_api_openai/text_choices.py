"""How a choice of a completion looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from exo_api_openai.choice_so_far import ChoiceSoFar
from exo_api_openai.deltas import Delta
from exo_api_openai.echoes import Echo
from exo_api_openai.text_logprobs import TextLogprobs, of_answer
from exo_core.frozen import JsonValue
from exo_core.requests import FinishReason


@final
class TextChoices:
    """See `ChoiceFormat`. Each prompt has `per_prompt` choices; `echoes` has one per prompt, or none at all."""

    def __init__(self, echoes: Sequence[Echo], per_prompt: int) -> None:
        self._echoes = echoes
        self._per_prompt = per_prompt

    def opening(self, index: int) -> dict[str, JsonValue] | None:
        """The prompt, where it is echoed."""
        echo = self._echo(index)
        return None if echo is None else _document(index, echo.text, echo.logprobs, None)

    def delta(self, delta: Delta) -> dict[str, JsonValue]:
        """A piece of the text."""
        logprobs = of_answer(delta.logprobs, delta.offsets, self._before(delta.choice)) if delta.logprobs else None
        return _document(delta.choice, delta.text, logprobs, delta.finish)

    def whole(self, index: int, choice: ChoiceSoFar) -> dict[str, JsonValue]:
        """All of the text."""
        echo = self._echo(index)
        own = of_answer(choice.logprobs, choice.offsets, self._before(index)) if choice.logprobs else None
        text = (echo.text if echo else "") + choice.text("content")
        return _document(index, text, _together(echo.logprobs if echo else None, own), choice.finish)

    def only_echoes(self) -> list[JsonValue]:
        """The choices of a request for no token at all."""
        return [
            _document(number * self._per_prompt + choice, echo.text, echo.logprobs, "length")
            for number, echo in enumerate(self._echoes)
            for choice in range(self._per_prompt)
        ]

    def _echo(self, index: int) -> Echo | None:
        return self._echoes[index // self._per_prompt] if self._echoes else None

    def _before(self, index: int) -> int:
        echo = self._echo(index)
        return len(echo.text) if echo else 0


def _together(prompt: TextLogprobs | None, own: TextLogprobs | None) -> TextLogprobs | None:
    if prompt is None or own is None:
        return prompt or own
    return TextLogprobs(
        tokens=prompt.tokens + own.tokens,
        token_logprobs=prompt.token_logprobs + own.token_logprobs,
        top_logprobs=prompt.top_logprobs + own.top_logprobs,
        text_offset=prompt.text_offset + own.text_offset,
    )


def _document(
    index: int, text: str, logprobs: TextLogprobs | None, finish: FinishReason | None
) -> dict[str, JsonValue]:
    shown = logprobs.document() if logprobs else None
    return {"index": index, "text": text, "logprobs": shown, "finish_reason": finish}
