"""Many streams at once: a thread each, all asking at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from exo_bench.chat_server import ChatServer, ServerError, TimedAnswer
from exo_core.frozen import JsonObject


class _NotAsked(ServerError):
    """Another stream could not connect, and says why."""

    def __init__(self) -> None:
        super().__init__("another stream could not connect")


def ask_together(server: ChatServer, bodies: Sequence[JsonObject]) -> list[TimedAnswer]:
    """The answers, in order; all are waited for. Raises the first `ServerError` when one failed, in a sentence that
    says how many did.
    """
    start = threading.Barrier(len(bodies))

    def ask(body: JsonObject) -> TimedAnswer | ServerError:
        try:
            return server.ask(body, start.wait)
        except threading.BrokenBarrierError:
            return _NotAsked()
        except ServerError as problem:
            start.abort()  # nobody waits for one that could not connect
            return problem

    with ThreadPoolExecutor(len(bodies), thread_name_prefix="stream") as threads:
        futures = [threads.submit(ask, body) for body in bodies]
        try:
            outcomes = [future.result() for future in futures]
        except BaseException:  # Ctrl-C: the threads are in the middle of answers
            start.abort()
            server.hang_up()
            raise
    return _all_good(outcomes)


def _all_good(outcomes: Sequence[TimedAnswer | ServerError]) -> list[TimedAnswer]:
    problems = [outcome for outcome in outcomes if isinstance(outcome, ServerError)]
    if problems:
        first = min(problems, key=lambda problem: (problem.status == 0, isinstance(problem, _NotAsked)))
        message = f"{len(problems)} of {len(outcomes)} streams failed. {first}"
        raise ServerError(message, status=first.status, code=first.code)
    return [outcome for outcome in outcomes if isinstance(outcome, TimedAnswer)]
