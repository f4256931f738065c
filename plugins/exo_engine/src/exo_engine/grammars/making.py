"""What compiles grammars for a model; the library for it is imported only then."""

from __future__ import annotations

from exo_engine.grammars.contract import GrammarCompiler
from exo_engine.text import Tokenizer


def make_compiler(tokenizer: Tokenizer) -> GrammarCompiler:
    """Takes a second or so with a large vocabulary."""
    from exo_engine.grammars.compiler import LlguidanceCompiler

    return LlguidanceCompiler(tokenizer)
