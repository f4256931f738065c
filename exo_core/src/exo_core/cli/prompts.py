"""The lines that a person types, or that come through a pipe.

They are read in a thread that nothing waits for: Ctrl-C ends a conversation at once, not after the next line. It reads
unbuffered, since a buffered stdin keeps a lock that stops the interpreter's end.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import AsyncGenerator, Callable

import click


async def prompts(mark: str = "> ") -> AsyncGenerator[str]:
    """Line by line until the end of input; on a terminal each is asked for by `mark`."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def put(line: str | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            loop.call_soon_threadsafe(lines.put_nowait, line)

    threading.Thread(target=_read, args=(put,), name="exo-prompts", daemon=True).start()
    while True:
        if sys.stdin.isatty():
            click.echo(mark, nl=False)
        line = await lines.get()
        if line is None:
            return
        yield line


def _read(put: Callable[[str | None], None]) -> None:
    with contextlib.suppress(OSError), open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as raw:
        for line in raw:
            put(line.decode(errors="replace").rstrip("\r\n"))
    put(None)
