"""Whether a prompt has begun a thought for the model, or ended it."""

from __future__ import annotations

from collections.abc import Sequence

from exo_core.requests import ChatPrompt
from exo_engine.answers.markup import Thinking
from exo_engine.text import Tokenizer

LOOKED_AT = 16
"""Tokens at the end of a prompt: a template opens a thought, or an empty one and closes it, right before the answer."""


def thinking_after(prompt: ChatPrompt, prompt_ids: Sequence[int], tokenizer: Tokenizer) -> Thinking:
    """What a user says of markers counts for nothing; an assistant's message that is continued is looked at itself."""
    thought = tokenizer.markup.thought
    if thought is None:
        return "over"
    start, end = thought
    begun = continued_text(prompt)
    if begun:
        return "begun" if begun.rfind(start) > begun.rfind(end) else "over"
    tail = "".join(tokenizer.token_text(token_id) for token_id in prompt_ids[-LOOKED_AT:]).rstrip()
    if tail.endswith(start):
        return "begun"
    return "over" if tail.endswith(end) else "possible"


def continued_text(prompt: ChatPrompt) -> str:
    """What of the answer is there already."""
    last = prompt.messages[-1] if prompt.messages else {}
    content = last.get("content")
    return content if last.get("role") == "assistant" and isinstance(content, str) else ""
