"""A process that compiles grammars only to see whether they can be.

    python -m exo_engine.grammars.examiner_process BYTES

BYTES is the memory that it may take beyond what it holds with its tokenizer, where the system sees to that. The first
line of its input describes the tokenizer, each later one is a grammar; each is answered by a `Verdict`.
Whoever started it may be gone, and what it compiles may take for ever: an alarm ends it.
"""

from __future__ import annotations

import resource
import signal
import sys
from contextlib import suppress
from typing import BinaryIO

import psutil

from exo_core.requests import Grammar
from exo_engine.grammars.contract import GrammarBroken
from exo_engine.grammars.examination import LIMITS, TokenizerDescription, Verdict
from exo_engine.grammars.llguidance_grammars import compile_grammar, llguidance_tokenizer

IDLE_S = 600.0
"""Without work for so long it ends; another is started when there is some."""
START_S = 120.0
"""For a tokenizer."""


def examine_all(lines: BinaryIO, answers: BinaryIO, most_bytes: int) -> None:
    """Until the input ends."""
    _end_after(START_S)
    tokenizer = llguidance_tokenizer(TokenizerDescription.model_validate_json(lines.readline()))
    _limit_memory(most_bytes)
    _answer(answers, Verdict())
    while line := lines.readline():
        _end_after(LIMITS.waited_s * 2)  # whoever reads the answer ends it before, unless he is gone
        try:
            compile_grammar(Grammar.model_validate_json(line), tokenizer).matcher().allowed()
        except GrammarBroken as problem:
            _answer(answers, Verdict(reason=str(problem)))
        else:
            _answer(answers, Verdict())


def _answer(answers: BinaryIO, verdict: Verdict) -> None:
    answers.write(f"{verdict.model_dump_json()}\n".encode())
    answers.flush()
    _end_after(IDLE_S)


def _end_after(seconds: float) -> None:
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _limit_memory(most_bytes: int) -> None:
    """Whoever started this looks at what it holds too: not every system can."""
    with suppress(ValueError, OSError):
        most = psutil.Process().memory_info().vms + most_bytes
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


if __name__ == "__main__":
    examine_all(sys.stdin.buffer, sys.stdout.buffer, int(sys.argv[1]))
