"""A tick every second, and how late it comes: whoever watches another must know when it was held up itself."""

from __future__ import annotations

import asyncio

from exo_core.runner.patience import TICK_S


async def tick() -> float:
    """Wait for `TICK_S`; how many seconds longer it took."""
    loop = asyncio.get_running_loop()
    due = loop.time() + TICK_S
    await asyncio.sleep(TICK_S)
    return max(0.0, loop.time() - due)
