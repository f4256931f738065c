"""A stream that goes on while something else is measured, and the gaps between its tokens."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from itertools import pairwise
from typing import final

from exo_bench.chat_server import ChatServer, ServerError
from exo_bench.prompts import chat_request
from exo_core.testing.node_process import eventually

PATIENCE_S = 900.0


@final
class RunningStream:
    """Times are seconds of `time.perf_counter`."""

    def __init__(self) -> None:
        self.arrivals: list[float] = []
        self.end: str | None = None
        """How it ended, once it did."""

    def wait_for(self, tokens: int) -> None:
        """Until so many more tokens came. Raises `RuntimeError` when it ended."""
        wanted = len(self.arrivals) + tokens
        eventually(lambda: self.end or len(self.arrivals) >= wanted, f"{tokens} more tokens", seconds=PATIENCE_S)
        if len(self.arrivals) < wanted:
            message = f"the stream that was to go on meanwhile {self.end}"
            raise RuntimeError(message)

    def gaps_between(self, begin: float, end: float) -> list[float]:
        """Seconds between tokens, of every gap that touches this time."""
        return [later - earlier for earlier, later in pairwise(self.arrivals) if later > begin and earlier < end]


@contextmanager
def running_stream(server: ChatServer, model: str, text: str, tokens: int) -> Generator[RunningStream]:
    """A stream that has begun to answer; it is cancelled in the end."""
    own = server.beside()
    stream = RunningStream()

    def go() -> None:
        try:
            own.ask(chat_request(model, text, tokens), arrived=stream.arrivals.append)
            stream.end = "came to its end: the server made the other one wait for it"
        except ServerError as problem:
            stream.end = f"failed: {problem}"

    thread = threading.Thread(target=go)
    thread.start()
    try:
        stream.wait_for(3)
        yield stream
    finally:
        own.hang_up()
        thread.join()
