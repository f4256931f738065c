"""How streams are measured, whoever serves them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import psutil

from exo_http.testing.stream_client import Stream, chat_body, stream


async def throughput(url: str, process: psutil.Process, model: str, *, streams: int, tokens: int) -> None:
    """Chunks per second, by the clock and by the processor time of the server."""
    begun, used = time.monotonic(), cpu_seconds(process)
    body = chat_body(model, max_tokens=tokens, ignore_eos=True)
    heard: Sequence[Stream] = await asyncio.gather(*(stream(url, body) for _ in range(streams)))
    seconds, used = time.monotonic() - begun, cpu_seconds(process) - used
    chunks = sum(each.chunks for each in heard)
    whole = sum(each.is_whole for each in heard)
    print(
        f"{whole} of {streams} streams whole, {chunks} chunks: {chunks / seconds:.0f} per second, "
        f"{chunks / used:.0f} per second of the server's processor ({1e6 * used / chunks:.0f} us each)",
        flush=True,
    )


def cpu_seconds(process: psutil.Process) -> float:
    """What a process used so far."""
    used = process.cpu_times()
    return used.user + used.system
