"""`exo rendezvous` in a process of its own, for tests of real nodes."""

from __future__ import annotations

import subprocess
from collections.abc import Generator
from contextlib import contextmanager

from exo_core.testing.node_process import EXO, free_port


@contextmanager
def rendezvous_process() -> Generator[str]:
    """Its address, as nodes are told it; nodes that are there first wait for it."""
    port = str(free_port())
    process = subprocess.Popen([EXO, "rendezvous", "--host", "127.0.0.1", "--port", port], stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
