"""A process that answers lines with lines, and is ended when an answer takes too long or too much memory."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Literal, NoReturn, final

import psutil

from exo_core.errors import ExoError

LOOK_S = 0.02
"""So often is looked at what it holds."""
_PART = 65536

Cause = Literal["time", "memory", "load", "death", "unwanted"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What an answer may take: seconds of computing, seconds until it is there, bytes beyond what is held before."""

    computed_s: float = inf
    waited_s: float
    held_bytes: int | None = None


@final
class ProcessEnded(ExoError):
    """There was no answer, and the process is over.

    - time, memory: it took too much of that
    - load: it was waited for too long, but computed little, because others kept the machine busy
    - death: it ended by itself
    - unwanted: nobody waited for the answer any more
    """

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause)
        self.cause: Cause = cause


@final
class WatchedProcess:
    """A Python module as a process. Used by one thread. What it writes to stderr is dropped: it may quote texts."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-m",
                module,
                *arguments,
            ],  # the current folder may hold a directory named like a package
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        self._received = b""

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def tell(self, line: str) -> None:
        """Write a line, which waits until it is read. Raises `ProcessEnded`."""
        assert self._process.stdin is not None  # noqa: S101  # for the type checker
        rest = memoryview(f"{line}\n".encode())
        try:
            while rest:
                rest = rest[self._process.stdin.write(rest) or 0 :]
        except BrokenPipeError:
            self._died()

    def hear(self, limits: Limits, is_waited_for: Callable[[], bool] = lambda: True) -> str:
        """The next line. Raises `ProcessEnded`, also soon after `is_waited_for` says no."""
        before, deadline = self._usage(), time.monotonic() + limits.waited_s
        while b"\n" not in self._received:
            used = self._usage()
            if limits.held_bytes is not None and used.held_bytes - before.held_bytes > limits.held_bytes:
                self._end("memory")
            if used.computed_s - before.computed_s > limits.computed_s:
                self._end("time")
            if time.monotonic() >= deadline:
                self._end("load")
            if not is_waited_for():
                self._end("unwanted")
            self._receive()
        line, _, self._received = self._received.partition(b"\n")
        return line.decode()

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _receive(self) -> None:
        """What comes within a moment."""
        assert self._process.stdout is not None  # noqa: S101  # for the type checker
        output = self._process.stdout.fileno()
        if not select.select([output], [], [], LOOK_S)[0]:
            return
        part = os.read(output, _PART)
        if not part:
            self._died()
        self._received += part

    def _usage(self) -> _Usage:
        try:
            process = psutil.Process(self.pid)
            times = process.cpu_times()
            return _Usage(process.memory_info().rss, times.user + times.system)
        except psutil.Error:
            self._died()

    def _died(self) -> NoReturn:
        """Allocators that get no memory abort."""
        status = self._process.wait()
        self._end("memory" if status == -signal.SIGABRT else "death")

    def _end(self, cause: Cause) -> NoReturn:
        self.close()
        raise ProcessEnded(cause)


@dataclass(frozen=True)
class _Usage:
    held_bytes: int
    computed_s: float
