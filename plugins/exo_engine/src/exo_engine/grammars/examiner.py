"""Whether a grammar can be compiled, found out in a process that may be ended: one, kept warm, started anew if over."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

from exo_core.errors import RequestRefused
from exo_core.requests import Grammar
from exo_engine.grammars.contract import NobodyWaits
from exo_engine.grammars.examination import LIMITS, MOST_BYTES, TokenizerDescription, Verdict
from exo_engine.grammars.explained import explained
from exo_engine.grammars.watched_process import Cause, Limits, ProcessEnded, WatchedProcess

START = Limits(waited_s=60.0)
"""For the process to import, on a slow disk, and to read a tokenizer."""
ATTEMPTS = 2
"""It may have ended because it was idle, or been killed by somebody."""


@final
class GrammarExaminer:
    """For one model. Used by one thread."""

    def __init__(self, tokenizer: TokenizerDescription) -> None:
        self._tokenizer = tokenizer
        self._process: WatchedProcess | None = None
        self._is_ready = False

    @property
    def pid(self) -> int | None:
        """Of the process, where there is one."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Have the process get ready meanwhile; else it starts with the first grammar."""
        self._is_ready = False
        self._process = WatchedProcess("exo_engine.grammars.examiner_process", str(MOST_BYTES))
        self._process.tell(self._tokenizer.model_dump_json())

    def examine(self, grammar: Grammar, is_waited_for: Callable[[], bool] = lambda: True) -> None:
        """Raises `RequestRefused`: 400 for a grammar that cannot be used, 503 when the machine is too busy to say.

        Raises `NobodyWaits` soon after `is_waited_for` says no.
        """
        for attempt in range(ATTEMPTS):
            try:
                verdict = self._ask(grammar, is_waited_for)
            except ProcessEnded as end:
                self._process = None
                if end.cause == "unwanted":
                    raise NobodyWaits from end
                if end.cause != "death" or attempt + 1 == ATTEMPTS:
                    raise _refusal(grammar, end.cause) from end
            else:
                if verdict.reason is not None:
                    raise RequestRefused(400, "invalid_grammar", explained(grammar, verdict.reason))
                return

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def _ask(self, grammar: Grammar, is_waited_for: Callable[[], bool]) -> Verdict:
        if self._process is None:
            self.start()
        assert self._process is not None  # noqa: S101  # for the type checker
        if not self._is_ready:
            self._process.hear(START)
            self._is_ready = True
        self._process.tell(grammar.model_dump_json())
        return Verdict.model_validate_json(self._process.hear(LIMITS, is_waited_for))


def _refusal(grammar: Grammar, cause: Cause) -> RequestRefused:
    if cause == "load":
        message = "this machine is too busy to compile the grammar; ask again in a moment"
        return RequestRefused(503, "grammar_not_compiled", message)
    reasons: dict[Cause, str] = {
        "time": f"compiling it takes more than {LIMITS.computed_s:.0f} s; make it simpler",
        "memory": f"compiling it takes more than {MOST_BYTES // 2**20} MiB; make it simpler",
    }
    return RequestRefused(400, "invalid_grammar", explained(grammar, reasons.get(cause, "it breaks the compiler")))
