"""mlx-lm's processes, from their start to their end: one that generates, its server, its pipeline of two."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast, final

from alternation import Figures, Run
from cores import on_core

from exo_bench.chat_server import ChatServer, TimedAnswer
from exo_core.testing.node_process import eventually, free_port

HERE = Path(__file__).parent
DEFAULT_MODEL = "default_model"
"""What mlx_lm.server calls the model that it was started with."""

SILENCE_S = 900.0
"""mlx_lm.server says nothing while it reads a chunk of a prompt, which takes minutes without a BLAS."""


@final
class Generating:
    """`mlx_lm.generate` in a process of its own: the same memory, the same threads as a runner has."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._read()  # it says when the model is loaded

    def ask(self, text: str, tokens: int) -> TimedAnswer:
        """Answer one message."""
        cast("IO[str]", self._process.stdin).write(json.dumps({"text": text, "tokens": tokens}) + "\n")
        cast("IO[str]", self._process.stdin).flush()
        answer = self._read()
        arrivals = tuple(cast("list[float]", answer["arrivals"]))
        return TimedAnswer(
            asked=0.0,
            arrivals=arrivals,
            prompt_tokens=cast("int", answer["prompt_tokens"]),
            cached_tokens=0,
            completion_tokens=len(arrivals),
        )

    def _read(self) -> dict[str, object]:
        line = cast("IO[str]", self._process.stdout).readline()
        if not line:
            message = "mlx_lm.generate ended; what it said is above"
            raise RuntimeError(message)
        return cast("dict[str, object]", json.loads(line))


@contextmanager
def generating(model: Path, environment: Mapping[str, str]) -> Generator[Generating]:
    """`mlx_lm.generate` with that model."""
    command = [sys.executable, str(HERE / "mlx_lm_process.py"), "generate", str(model)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
    ) as process:
        try:
            yield Generating(process)
        finally:
            process.kill()


@contextmanager
def serving(
    model: Path, environment: Mapping[str, str], *arguments: str, streams: int = 8, pid: list[int] | None = None
) -> Generator[ChatServer]:
    """`mlx_lm.server` that takes so many streams at once; `pid` is told its process."""
    port = free_port()
    with tempfile.TemporaryFile() as output, _serve(model, port, environment, output, streams, arguments) as process:
        if pid is not None:
            pid.append(process.pid)
        yield _when_healthy(port, [process], output)


@dataclass(frozen=True)
class Ring:
    """mlx-lm's own pipeline, once it serves.

    Its processes wait for each other by spinning, so they are stopped while another side is measured.
    """

    server: ChatServer
    processes: Sequence[subprocess.Popen[bytes]]

    def alone_awake(self, run: Run) -> Run:
        """A run of it, for which it goes on."""

        def awake(number: int) -> Figures:
            self._signal(signal.SIGCONT)
            try:
                return run(number)
            finally:
                self._signal(signal.SIGSTOP)

        return awake

    def _signal(self, which: signal.Signals) -> None:
        for process in self.processes:
            process.send_signal(which)


@contextmanager
def pipeline_of_two(model: Path, environment: Mapping[str, str], *, streams: int) -> Generator[Ring]:
    """`mlx_lm.server --pipeline` in two processes, a core each, over a ring on loopback."""
    port = free_port()
    with ExitStack() as up:
        hosts = up.enter_context(tempfile.NamedTemporaryFile("w", suffix=".json"))
        output = up.enter_context(tempfile.TemporaryFile())
        json.dump([[f"127.0.0.1:{free_port()}"], [f"127.0.0.1:{free_port()}"]], hosts)
        hosts.flush()
        processes: list[subprocess.Popen[bytes]] = []
        for rank in (0, 1):
            ring = {**environment, "MLX_RANK": str(rank), "MLX_HOSTFILE": hosts.name}
            with on_core(rank):
                processes.append(up.enter_context(_serve(model, port, ring, output, streams, ["--pipeline"])))
        yield Ring(_when_healthy(port, processes, output), processes)


@contextmanager
def _serve(
    model: Path, port: int, environment: Mapping[str, str], output: IO[bytes], streams: int, more: Sequence[str]
) -> Generator[subprocess.Popen[bytes]]:
    command = [sys.executable, str(HERE / "mlx_lm_process.py"), "serve", "--model", str(model), "--port", str(port)]
    command += ["--decode-concurrency", str(streams), "--prompt-concurrency", str(streams), *more]
    with subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, **environment}) as process:
        try:
            yield process
        finally:
            process.kill()


def _when_healthy(port: int, processes: Sequence[subprocess.Popen[bytes]], output: IO[bytes]) -> ChatServer:
    url = f"http://127.0.0.1:{port}"

    def is_healthy() -> bool:
        if any(process.poll() is not None for process in processes):
            output.seek(0)
            message = f"mlx_lm.server ended: {output.read()[-3000:].decode(errors='replace')}"
            raise RuntimeError(message)
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    eventually(is_healthy, "mlx_lm.server serves", seconds=120)
    return ChatServer(url, silence_s=SILENCE_S)
