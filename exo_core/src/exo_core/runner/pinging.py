"""Asking a runner's process every second whether it is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from exo_core.runner.messages import Hangs, Ping
from exo_core.runner.pipe import NodePipe
from exo_core.runner.process_watch import ProcessWatch
from exo_core.runner.ticks import tick


async def until_silent(pipe: NodePipe, watch: ProcessWatch, loads: Callable[[], bool]) -> Hangs:
    """Ping until the process is to be given up; `watch` is told elsewhere of what it says."""
    while True:
        watch.forgive(await tick())
        pipe.send(Ping())
        seconds = watch.silent_for(asyncio.get_running_loop().time(), loads=loads())
        if seconds is not None:
            return Hangs(detail=f"its process gave no sign of life for {seconds:.0f} s", seconds=seconds)
