"""Prompts as completions and embeddings take them: a text, token ids, or several of either."""

from __future__ import annotations

from typing import Annotated, cast

from pydantic import Field

from exo_core.requests import TextPrompt, TokenPrompt

TokenId = Annotated[int, Field(ge=0, lt=2**31)]
Text = Annotated[str, Field(min_length=1)]
TokenIds = Annotated[tuple[TokenId, ...], Field(min_length=1, fail_fast=True)]
"""One wrong id is told of, whatever else is wrong: an error for each item would cost more than a good request."""
Prompts = (
    Text
    | TokenIds
    | Annotated[tuple[Text, ...], Field(min_length=1, max_length=2048, fail_fast=True)]
    | Annotated[tuple[TokenIds, ...], Field(min_length=1, max_length=2048, fail_fast=True)]
)


def prompt_list(prompts: Prompts) -> tuple[TextPrompt | TokenPrompt, ...]:
    """Each prompt by itself."""
    if isinstance(prompts, str):
        return (TextPrompt(text=prompts),)
    if isinstance(prompts[0], int):
        return (TokenPrompt(token_ids=cast("tuple[int, ...]", prompts)),)
    return tuple(
        TextPrompt(text=each) if isinstance(each, str) else TokenPrompt(token_ids=cast("tuple[int, ...]", each))
        for each in prompts
    )
