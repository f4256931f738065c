"""`GrammarCompiler` by llguidance: what a process of its own could compile is compiled here too."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

from llguidance import LLTokenizer

from exo_core.errors import RequestRefused
from exo_core.requests import Grammar
from exo_engine.grammars.contract import GrammarBroken
from exo_engine.grammars.examination import described
from exo_engine.grammars.examiner import GrammarExaminer
from exo_engine.grammars.explained import explained
from exo_engine.grammars.llguidance_grammars import LlguidanceGrammar, compile_grammar, llguidance_tokenizer
from exo_engine.text import Tokenizer

NO_SUCH_TOKENIZER = (
    "this model's answers cannot be held to a schema or a grammar: the `tokenizers` library cannot hold its tokenizer; "
    "leave the format out, or ask another model"
)


@final
class LlguidanceCompiler:
    """For one model. Made on the thread that compiles; making it takes a second or so with a large vocabulary."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        description = described(tokenizer)
        self._examiner: GrammarExaminer | None = None
        self._tokenizer: LLTokenizer | None = None
        if description is not None:
            self._tokenizer = llguidance_tokenizer(description)
            self._examiner = GrammarExaminer(description)  # last: had this failed, nobody would end its process

    def compile(self, grammar: Grammar, is_waited_for: Callable[[], bool]) -> LlguidanceGrammar:
        """See `GrammarCompiler`."""
        if self._examiner is None or self._tokenizer is None:
            raise RequestRefused(400, "grammar_not_supported", NO_SUCH_TOKENIZER)
        self._examiner.examine(grammar, is_waited_for)
        try:
            return compile_grammar(grammar, self._tokenizer)
        except GrammarBroken as problem:
            raise RequestRefused(400, "invalid_grammar", explained(grammar, str(problem))) from problem

    def close(self) -> None:
        """End the process."""
        if self._examiner is not None:
            self._examiner.close()
