"""A client of streamed answers that costs little: what it hears is counted, hardly parsed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

DATA = b"data: "
DONE = b"data: [DONE]"


@dataclass(kw_only=True)
class Stream:
    """What came of one request.

    Seconds from asking to the first event with data (`first_s`) and to the first text (`token_s`); None: none came.
    """

    status: int = 0
    chunks: int = 0
    """Events with data, `[DONE]` not counted."""
    errors: int = 0
    first_s: float | None = None
    token_s: float | None = None
    is_whole: bool = False
    """It ended with `[DONE]`."""


def chat_body(model: str, content: str = "one two three", **more: object) -> bytes:
    """A streamed chat request."""
    return json.dumps(
        {"model": model, "stream": True, "messages": [{"role": "user", "content": content}], **more}
    ).encode()


def request_head(url: str, body: bytes, path: str = "/v1/chat/completions", **headers: str) -> bytes:
    """The request line and headers of a POST of JSON."""
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {urlsplit(url).netloc}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def _ignore(_: bytes) -> None: ...


async def stream(url: str, body: bytes, *, on_line: Callable[[bytes], None] = _ignore) -> Stream:
    """Ask and listen to the end. `on_line` is told every line of the answer as it comes."""
    address = urlsplit(url)
    begun, heard = time.monotonic(), Stream()
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(request_head(url, body, Connection="close") + body)
        heard.status = int((await reader.readline()).split(b" ", 2)[1])
        while line := await reader.readline():
            on_line(line)
            if line.startswith(DATA):
                _count(heard, line, time.monotonic() - begun)
    finally:
        writer.close()
    return heard


def has_text(line: bytes) -> bool:
    """Whether a line of a streamed chat says something."""
    return b'"content":"' in line and b'"content":""' not in line


def _count(heard: Stream, line: bytes, seconds: float) -> None:
    if line.startswith(DONE):
        heard.is_whole = True
        return
    heard.chunks += 1
    heard.errors += line.startswith(b'data: {"error"')
    heard.first_s = seconds if heard.first_s is None else heard.first_s
    if heard.token_s is None and has_text(line):
        heard.token_s = seconds
