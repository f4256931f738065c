"""Grammars by the library llguidance: a bit for each token that may come next, tens of microseconds a token."""

from __future__ import annotations

from typing import final

from llguidance import LLMatcher, LLParserLimits, LLTokenizer

from exo_core.requests import Grammar
from exo_engine.grammars.contract import GrammarBroken
from exo_engine.grammars.examination import TokenizerDescription
from exo_engine.grammars.llguidance_text import llguidance_text

LIMITS = LLParserLimits(verbose_errors=False)
"""The library's own: of a step's computing time about 20 ms. Errors without the state of the parser, which has text."""


def llguidance_tokenizer(description: TokenizerDescription) -> LLTokenizer:
    """What grammars are compiled for. Half a second for 50,000 tokens, in which no other thread of Python goes on."""
    ends = [*description.ends] or None
    return LLTokenizer(description.tokenizer, n_vocab=description.vocabulary, eos_token=ends)


def compile_grammar(grammar: Grammar, tokenizer: LLTokenizer) -> LlguidanceGrammar:
    """Compile, whatever that takes; other threads go on. Raises `GrammarBroken` in the library's words."""
    try:
        text = llguidance_text(grammar)
    except ValueError as problem:
        raise GrammarBroken(str(problem)) from problem
    compiled = LLMatcher(tokenizer, text, log_level=0, limits=LIMITS)
    if compiled.is_error():
        raise GrammarBroken(compiled.get_error())
    return LlguidanceGrammar(compiled)


@final
class LlguidanceGrammar:
    """See `CompiledGrammar`."""

    def __init__(self, compiled: LLMatcher) -> None:
        self._compiled = compiled

    def matcher(self) -> LlguidanceMatcher:
        """A new one, for one choice."""
        return LlguidanceMatcher(self._compiled.deep_copy())


@final
class LlguidanceMatcher:
    """See `Matcher`."""

    def __init__(self, matcher: LLMatcher) -> None:
        self._matcher = matcher

    def allowed(self) -> bytes:
        """Which tokens may come next. Raises `GrammarBroken`."""
        mask = self._matcher.compute_bitmask()
        self._check()
        return mask

    def advance(self, token_id: int) -> None:
        """Take a token. Raises `GrammarBroken`."""
        self._matcher.consume_token(token_id)
        self._check()

    @property
    def is_complete(self) -> bool:
        """Whether nothing but the end may follow."""
        return self._matcher.is_stopped()

    def _check(self) -> None:
        if self._matcher.is_error():
            raise GrammarBroken(self._matcher.get_error())
