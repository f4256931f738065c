"""Asking a backend something in a process of its own, which ends with the answer: it may import and compute."""

from __future__ import annotations

import asyncio
from pathlib import Path

from exo_core.backends import BackendFacts
from exo_core.cards import Card
from exo_core.errors import LinkClosed, ModelError, WireError
from exo_core.identifiers import ModelId
from exo_core.placement import ShardAssignment
from exo_core.plugins.manager import Plugins
from exo_core.runner.components import chosen_components
from exo_core.runner.last_words import last_words
from exo_core.runner.messages import (
    CannotServe,
    ChooseParts,
    Describe,
    Described,
    FromRunner,
    PartsChosen,
    Probe,
    Probed,
)
from exo_core.runner.spawn import spawn_runner
from exo_core.sources import Part

PROBE_TIMEOUT_S = 60.0
DESCRIBE_TIMEOUT_S = 120.0
"""Importing a backend for the first time can take long on a slow disk."""
END_PATIENCE_S = 2.0


async def probe(plugins: Plugins, backend: str, *, log: Path | None = None) -> BackendFacts:
    """What this machine can do with a backend; a crash or a time-out is a reason why it is not usable.

    Raises `PluginError` when there is no such backend.
    """
    question = Probe(components=chosen_components(plugins, backend=backend))
    answer = await _ask(question, log=log, timeout=PROBE_TIMEOUT_S)
    if isinstance(answer, Probed):
        return answer.facts
    return BackendFacts(usable=False, reason=_reason(answer))


async def describe(
    plugins: Plugins,
    backend: str,
    model_id: ModelId,
    folder: Path,
    *,
    log: Path | None = None,
    timeout: float = DESCRIBE_TIMEOUT_S,
) -> Card:
    """The card of the model in `folder`. Raises `ModelError`, and `PluginError` when there is no such backend."""
    components = chosen_components(plugins, backend=backend)
    question = Describe(components=components, model_id=model_id, folder=str(folder))
    answer = await _ask(question, log=log, timeout=timeout)
    if isinstance(answer, Described):
        return answer.card
    if isinstance(answer, CannotServe) and answer.user_error:
        raise ModelError(answer.detail)
    message = f"backend '{backend}' cannot read the model in {folder}: {_reason(answer)}"
    raise ModelError(message)


async def choose_parts(
    plugins: Plugins,
    assignment: ShardAssignment,
    folder: Path,
    *,
    log: Path | None = None,
    timeout: float = DESCRIBE_TIMEOUT_S,
) -> tuple[Part, ...] | None:
    """The weights that a shard reads, by its backend; None: all. Raises like `describe`."""
    backend = assignment.placement.backend
    components = chosen_components(plugins, backend=backend)
    question = ChooseParts(components=components, assignment=assignment, folder=str(folder))
    answer = await _ask(question, log=log, timeout=timeout)
    if isinstance(answer, PartsChosen):
        return answer.parts
    if isinstance(answer, CannotServe) and answer.user_error:
        raise ModelError(answer.detail)
    message = f"backend '{backend}' does not say which weights of {folder} a shard reads: {_reason(answer)}"
    raise ModelError(message)


async def _ask(question: Probe | Describe | ChooseParts, *, log: Path | None, timeout: float) -> FromRunner | str:
    """The answer, or why there is none."""
    child = await spawn_runner(backend=question.components.backend, log=log, threads=None)
    reason = ""
    try:
        child.pipe.send(question)
        async with asyncio.timeout(timeout):
            return await child.pipe.receive()
    except TimeoutError:
        child.kill()
        reason = f"no answer within {timeout:.0f} s"
    except LinkClosed:
        pass
    except WireError as problem:
        reason = f"a broken answer: {problem}"
    finally:
        ended = await child.end(patience=END_PATIENCE_S)
    words = last_words(log, since=child.log_start) if log is not None else ""
    return f"{reason or ended}{'; its last words: ' if words else ''}{words}"


def _reason(answer: FromRunner | str) -> str:
    if isinstance(answer, str):
        return f"the process that was asked failed: {answer}"
    return answer.detail if isinstance(answer, CannotServe) else f"an answer that was not asked for ({answer.type})"
