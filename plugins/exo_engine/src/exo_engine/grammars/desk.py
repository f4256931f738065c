"""Requests whose grammar has to be compiled first. That happens on a thread of its own, so that nobody's step waits.

A grammar that nobody waits for any more is not compiled, and what has begun of it is ended.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from queue import SimpleQueue
from typing import NewType, final

from exo_core.errors import RequestRefused
from exo_core.identifiers import RequestId
from exo_core.raised_at import raised_at
from exo_core.requests import Grammar
from exo_engine.grammars.contract import CompiledGrammar, GrammarCompiler, NobodyWaits
from exo_engine.inbox import Compiled, Inbox, Submit

logger = logging.getLogger(__name__)

MOST_KEPT = 64
"""Compiled grammars, and refusals, that are kept for those who ask again."""
INVALID = 400
"""The status of a refusal that stands whenever it is asked."""
MOST_COMPILING = 8
"""Different grammars that wait to be compiled; the next one is refused."""

GrammarHash = NewType("GrammarHash", bytes)
_Job = tuple[GrammarHash, Grammar]


@final
class GrammarDesk:
    """Belongs to the engine thread, which hears through its inbox what came of a grammar."""

    def __init__(self, inbox: Inbox, make_compiler: Callable[[], GrammarCompiler]) -> None:
        """`make_compiler` is called on the compiling thread, when the first grammar comes."""
        self._inbox = inbox
        self._make_compiler = make_compiler
        self._known: OrderedDict[GrammarHash, CompiledGrammar | RequestRefused] = OrderedDict()
        self._waiting: dict[GrammarHash, list[Submit]] = {}
        """At least one for each grammar. The compiling thread looks whether there are any."""
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def admit(self, submit: Submit) -> Submit | None:
        """The request with its grammar compiled or refused, which may be known; else None, and it waits here."""
        grammar = submit.prepared.reading.grammar if submit.prepared is not None else None
        if grammar is None:
            return submit
        name = hash_of(grammar)
        if name in self._known:
            self._known.move_to_end(name)
            return replace(submit, grammar=self._known[name])
        if name in self._waiting:
            self._waiting[name].append(submit)
        elif len(self._waiting) < MOST_COMPILING:
            self._waiting[name] = [submit]
            self._have_compiled(name, grammar)
        else:
            return replace(submit, grammar=_busy())
        return None

    def take(self, compiled: Compiled) -> list[Submit]:
        """Those that waited for this, in the order in which they came."""
        name, outcome = GrammarHash(compiled.name), compiled.outcome
        if not isinstance(outcome, RequestRefused) or outcome.status == INVALID:
            self._known[name] = outcome
        if len(self._known) > MOST_KEPT:
            self._known.popitem(last=False)
        return [replace(submit, grammar=outcome) for submit in self._waiting.pop(name, ())]

    def give_back(self, request_id: RequestId) -> list[Submit]:
        """Those of a request, which wait here no more."""
        found = [submit for submit in self._all() if submit.request.request_id == request_id]
        left = {
            name: rest
            for name, waiting in self._waiting.items()
            if (rest := [submit for submit in waiting if submit not in found])
        }
        self._waiting = left
        return found

    def close(self) -> list[Submit]:
        """The engine ends: nothing more is compiled. Those that still wait."""
        self._jobs.put(None)
        rest = list(self._all())
        self._waiting = {}
        return rest

    def _all(self) -> Iterator[Submit]:
        for waiting in self._waiting.values():
            yield from waiting

    def _have_compiled(self, name: GrammarHash, grammar: Grammar) -> None:
        self._jobs.put((name, grammar))
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="grammars", daemon=True)
            self._thread.start()

    # on the compiling thread ---------------------------------------------------------------------------------

    def _work(self) -> None:
        compiler: GrammarCompiler | None = None
        while (job := self._jobs.get()) is not None:
            name, grammar = job
            if not self._is_waited_for(name):
                continue
            try:
                compiler = compiler or self._make_compiler()
                outcome = compiler.compile(grammar, partial(self._is_waited_for, name))
            except NobodyWaits:
                continue
            except RequestRefused as refusal:
                outcome = refusal
            except Exception as problem:  # the request ends with it, not the thread
                logger.error("a grammar could not be compiled: %s", raised_at(problem))
                outcome = RequestRefused(500, "engine_error", f"the grammar failed: {type(problem).__name__}")
            self._inbox.put(Compiled(name, outcome))
        if compiler is not None:
            compiler.close()

    def _is_waited_for(self, name: GrammarHash) -> bool:
        return name in self._waiting


def hash_of(grammar: Grammar) -> GrammarHash:
    """Equal for equal grammars only."""
    return GrammarHash(hashlib.sha256(f"{grammar.kind}\n{grammar.text}".encode(errors="surrogatepass")).digest())


def _busy() -> RequestRefused:
    message = f"{MOST_COMPILING} other grammars wait to be compiled; ask again in a moment"
    return RequestRefused(429, "too_many_grammars", message)
