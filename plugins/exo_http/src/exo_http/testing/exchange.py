"""One request on a connection of its own, byte by byte: when does the server answer what breaks a rule?"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from exo_http.testing.rule_breakers import HUNDRED_MB, RuleBreaker

SETTLE_S = 0.05
"""For the server to have read what comes before."""
LONGEST_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`status` 0: there was no answer. `seconds`: from the byte that broke the rule to the first byte of the answer."""

    status: int
    seconds: float


async def verdict_on(url: str, request: RuleBreaker) -> Verdict:
    """What the server says, and when. Raises `TimeoutError` when it says nothing for 10 s."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(request.before)
        await writer.drain()
        await asyncio.sleep(SETTLE_S)
        begun = time.monotonic()
        writer.write(request.breaking)
        async with asyncio.timeout(LONGEST_S):
            first = await _first_line(reader, writer, request.after)
        seconds = time.monotonic() - begun
    finally:
        writer.close()
    return Verdict(status=int(first.split(b" ", 2)[1]) if first else 0, seconds=seconds)


async def _first_line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, after: bytes) -> bytes:
    sending = asyncio.create_task(_go_on(writer, after))
    try:
        return await reader.readline()
    except ConnectionError:
        return b""
    finally:
        sending.cancel()
        await asyncio.wait((sending,))


async def _go_on(writer: asyncio.StreamWriter, after: bytes) -> None:
    with contextlib.suppress(ConnectionError):
        for _ in range(HUNDRED_MB // len(after) if after else 0):
            writer.write(after)
            await writer.drain()
            await asyncio.sleep(0)  # else the answer is not looked for until the kernel takes no more
