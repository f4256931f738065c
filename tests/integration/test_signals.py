"""SIGINT and SIGTERM end `exo` at any moment: soon, with the right status, and without a trace."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from exo_core.testing.node_process import EXO, NodeProcess, eventually

MakeNode = Callable[..., NodeProcess]
SECONDS = 2.0
BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


def imports(pid: int, library: str) -> bool:
    """Whether a process has opened a library: how far it has come."""
    return any(library in item.path for item in psutil.Process(pid).memory_maps())


@BOTH
def test_while_it_still_imports(make_node: MakeNode, number: signal.Signals) -> None:
    process = make_node("alpha").launch()
    eventually(lambda: imports(process.pid, "pydantic_core"), "it has begun", seconds=20)
    process.send_signal(number)
    assert process.wait(timeout=SECONDS) == 0


@BOTH
def test_while_it_joins_somebody_who_does_not_answer(make_node: MakeNode, number: signal.Signals) -> None:
    alpha = make_node("alpha").start()
    code = alpha.invite()
    alpha.process.send_signal(signal.SIGSTOP)
    try:
        beta = make_node("beta")
        process = beta.launch("--join", code)
        eventually(lambda: psutil.Process(process.pid).net_connections(), "it has called", seconds=20)
        process.send_signal(number)
        assert process.wait(timeout=SECONDS) == 0
        assert "Error" not in beta.output
    finally:
        alpha.process.send_signal(signal.SIGCONT)


def test_while_a_command_follows_the_log(make_node: MakeNode) -> None:
    alpha = make_node("alpha").start()
    follower = subprocess.Popen(
        [EXO, "log", "-f", "--home", str(alpha.home)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert follower.stdout is not None
    assert "cluster_created" in follower.stdout.readline()
    alpha.process.send_signal(signal.SIGINT)
    assert alpha.process.wait(timeout=SECONDS) == 0
    assert "Traceback" not in alpha.output
    _, errors = follower.communicate(timeout=10)
    assert len(errors.splitlines()) == 1
    assert not (alpha.home / "node.sock").exists()


def test_a_conversation_at_its_prompt(tmp_path: Path) -> None:
    """Ctrl-C ends it, not the line after."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "EXO_HOME": str(tmp_path / "home")}
    process = subprocess.Popen(
        [EXO, "chat"], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, preexec_fn=_heed_interrupts
    )
    os.close(theirs)
    shown = bytearray()
    reading = threading.Thread(target=_read_terminal, args=(ours, shown), daemon=True)
    reading.start()  # a terminal reads all the time; a process that writes to one that does not is blocked
    eventually(lambda: b"> " in shown, "the prompt")
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 1, bytes(shown)
    assert b"Traceback" not in shown
    assert time.monotonic() - begun < 2 * SECONDS
    reading.join(timeout=10)
    os.close(ours)


def _heed_interrupts() -> None:
    """As in a terminal. A shell has what it runs in the background ignore SIGINT, and that is inherited."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _read_terminal(terminal: int, shown: bytearray) -> None:
    with contextlib.suppress(OSError):  # the other side is closed
        while part := os.read(terminal, 4096):
            shown += part
