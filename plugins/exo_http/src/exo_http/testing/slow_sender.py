"""A client that sends a request one byte a second, so as to hold its connection for ever."""

from __future__ import annotations

import asyncio
import time
from itertools import chain, repeat
from urllib.parse import urlsplit

from exo_http.testing.stream_client import request_head

BYTE_EVERY_S = 1.0
LONGEST_S = 60.0


def slow_head(url: str) -> tuple[bytes, bytes]:
    """What is sent at once, and what comes byte by byte: of the head nothing at once."""
    return b"", request_head(url, b"{}")


def slow_body(url: str) -> tuple[bytes, bytes]:
    """The head at once, and a body byte by byte."""
    body = b'{"model": "' + b"a" * 1000
    return request_head(url, body), body


async def seconds_until_cut(url: str, at_once: bytes, slowly: bytes, *, after_s: float = 0.0) -> float:
    """How long the server has patience; at most 60 s are waited. It begins after that time."""
    await asyncio.sleep(after_s)
    address, begun = urlsplit(url), time.monotonic()
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    listening = asyncio.create_task(_until_closed(reader))
    try:
        writer.write(at_once)
        for byte in chain(slowly, repeat(ord("a"))):
            writer.write(bytes((byte,)))
            done, _ = await asyncio.wait((listening,), timeout=BYTE_EVERY_S)
            if done or time.monotonic() - begun > LONGEST_S:
                break
        return time.monotonic() - begun
    finally:
        listening.cancel()
        writer.close()


async def _until_closed(reader: asyncio.StreamReader) -> None:
    try:
        await reader.read()
    except ConnectionError:
        return
