"""A well-behaved client in a process of its own, so that nothing but the server is measured.

python -m exo_http.testing.steady_client URL MODEL

It asks for short streamed answers, one after another, and writes a line for each: the seconds to its first token, or
what went wrong. It ends with its standard input.
"""

from __future__ import annotations

import select
import socket
import sys
import time
from urllib.parse import urlsplit

from exo_http.testing.stream_client import chat_body, request_head

PAUSE_S = 0.02
TOKEN = b'"content":"one'
"""Of what `chat_body` says, the echo backend says this first."""


def main(url: str, model: str) -> None:
    """Ask until told to stop."""
    body = chat_body(model, max_tokens=3)
    request = request_head(url, body, Connection="close") + body
    while not select.select([sys.stdin], [], [], PAUSE_S)[0]:
        print(first_token_s(url, request), flush=True)


def first_token_s(url: str, request: bytes) -> float | str:
    """How long it takes; a sentence when it does not come."""
    address, begun, heard = urlsplit(url), time.monotonic(), b""
    with socket.create_connection((address.hostname, address.port), timeout=30) as sock:
        sock.sendall(request)
        while TOKEN not in heard:
            part = sock.recv(65536)
            if not part:
                return f"no token came: {heard[:200]!r}"
            heard += part
        seconds = time.monotonic() - begun
        while sock.recv(65536):
            pass
    return seconds


if __name__ == "__main__":
    main(*sys.argv[1:])
