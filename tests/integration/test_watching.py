"""`exo status --watch` beside a real node: in place on a terminal, a document a line for programs, until Ctrl-C."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import termios
import threading
from collections.abc import Callable

from exo_core.testing.node_process import EXO, NodeProcess, eventually

MakeNode = Callable[..., NodeProcess]
PATIENCE_S = 60
ROWS, COLUMNS = 24, 80


def watch(node: NodeProcess, *arguments: str, out: int, errors: int) -> subprocess.Popen[str]:
    """Start it."""
    command = [EXO, "status", "--watch", *arguments, "--home", str(node.home)]
    environment = {**os.environ, "TERM": "xterm-256color"}
    return subprocess.Popen(command, stdout=out, stderr=errors, env=environment, text=True, preexec_fn=_heed_interrupts)


def test_programs_get_a_document_a_line(make_node: MakeNode) -> None:
    alpha = make_node("alpha").start()
    process = watch(alpha, "--json", out=subprocess.PIPE, errors=subprocess.PIPE)
    assert process.stdout is not None
    documents = [json.loads(process.stdout.readline()) for _ in range(3)]
    assert {document["node_id"] for document in documents} == {alpha.node_id}
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (0, "")
    for line in rest.splitlines():
        json.loads(line)  # none is cut short


def test_a_person_sees_it_in_place_until_ctrl_c(make_node: MakeNode) -> None:
    alpha = make_node("alpha").start()
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    process = watch(alpha, out=theirs, errors=theirs)
    os.close(theirs)
    shown = bytearray()
    reading = threading.Thread(target=_read_terminal, args=(ours, shown), daemon=True)
    reading.start()
    eventually(lambda: shown.count(b"No model is placed") >= 2, "it is drawn again")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=PATIENCE_S) == 0, bytes(shown)
    reading.join(timeout=10)
    os.close(ours)
    for text in (b"alpha", b"master", b"term", b"hash"):
        assert text in shown
    assert b"Traceback" not in shown
    assert b"\x1b[1A" in shown, "it goes up, to draw over what it drew"
    assert shown.rfind(b"\x1b[?25h") > shown.rfind(b"\x1b[?25l"), "the cursor is back"


def test_it_says_when_the_node_stops(make_node: MakeNode) -> None:
    alpha = make_node("alpha").start()
    process = watch(alpha, "--json", out=subprocess.PIPE, errors=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline()
    assert alpha.stop() == 0
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    (line,) = errors.strip().splitlines()
    assert line.startswith("Error")


def _heed_interrupts() -> None:
    """As in a terminal. A shell has what it runs in the background ignore SIGINT, and that is inherited."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _read_terminal(terminal: int, shown: bytearray) -> None:
    with contextlib.suppress(OSError):  # the other side is closed
        while part := os.read(terminal, 4096):
            shown += part
