"""Starting a runner's process: the pipe by descriptor, the output to a log file, nothing else inherited."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from exo_core.runner.environment import runner_environment
from exo_core.runner.pipe import NodePipe, node_end

LARGEST_LOG = 8 * 1024 * 1024
"""Bytes after which the log is put aside as `.old` at the next start."""


@dataclass(frozen=True)
class RunnerChild:
    """A process and the pipe to it. `log_start`: where in the log its output begins, in bytes."""

    process: asyncio.subprocess.Process
    pipe: NodePipe
    log_start: int

    async def end(self, *, patience: float) -> str:
        """Close the pipe, wait `patience` seconds for the process to end, else kill it; how it ended, for people."""
        await self.pipe.close()
        try:
            await asyncio.wait_for(self.process.wait(), patience)
        except TimeoutError:
            self.kill()
            await self.process.wait()
        return describe_exit(self.process.returncode)

    def kill(self) -> None:
        """End it at once."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()


async def spawn_runner(*, backend: str, log: Path | None, threads: int | None) -> RunnerChild:
    """A new runner that waits for its first message. `log` None: what it writes is dropped."""
    ours, theirs = socket.socketpair()
    with theirs, contextlib.ExitStack() as opened:
        output, log_start = subprocess.DEVNULL, 0
        if log is not None:
            _put_aside(log)
            file = opened.enter_context(log.open("ab"))
            output, log_start = file.fileno(), file.tell()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # the current folder may hold a directory named like a package
            "-m",
            "exo_core.runner",
            str(theirs.fileno()),
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=runner_environment(os.environ, backend=backend, threads=threads),
        )
    return RunnerChild(process, await node_end(ours), log_start)


def describe_exit(status: int | None) -> str:
    """How a process ended, in words."""
    if status is None:
        return "it is still running"
    if status < 0:
        return f"it was ended by {signal.Signals(-status).name}"
    return f"it ended with status {status}"


def _put_aside(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_suffix(f"{log.suffix}.old"))
