"""What does the way of a token from the engine's answer to a client's socket cost in this front door?

uv run python exo_api_openai/benchmarks/stream_cost.py

The engine is a script in the server's own process, so that nothing but the front door is measured: many streams as fast
as they go for the throughput, one slow stream for the delay of a token (the script writes the time into its text).

What a socket and the client take of that delay is measured beside it, in turns: a bare server in the same process
writes the same bytes at the same pace straight into its socket. The difference is the front door's own.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncGenerator

import psutil
from stream_figures import throughput

import exo_api_openai.plugin
import exo_http.plugin
from exo_core.plugins.manager import Plugins
from exo_core.requests import Accepted, Answer, Chunk, EngineRequest, Generate
from exo_http.testing.scripted_node import ScriptedNode
from exo_http.testing.serving import serving_at
from exo_http.testing.stream_client import chat_body, stream

STREAMS, TOKENS = 64, 400
PACED_TOKENS, PACE_S = 400, 0.005
TURNS = 5


async def words(request: EngineRequest) -> AsyncGenerator[Answer]:
    """As many tokens as asked for; all streams get one, then all the next."""
    yield Accepted(prompt_ids=(1, 2, 3))
    count = (request.max_tokens if isinstance(request, Generate) else None) or 1
    for index in range(count):
        await asyncio.sleep(0)
        finish = "length" if index == count - 1 else None
        yield Chunk(index=index, token_id=7, text_from=5 * index, text="word ", finish=finish)


async def times(request: EngineRequest) -> AsyncGenerator[Answer]:
    """A token every few milliseconds, whose text is the time at which it came up."""
    yield Accepted(prompt_ids=(1, 2, 3))
    for index in range(PACED_TOKENS):
        await asyncio.sleep(PACE_S)
        finish = "length" if index == PACED_TOKENS - 1 else None
        yield Chunk(index=index, token_id=7, text_from=20 * index, text=f"{time.monotonic_ns():020}", finish=finish)


LINE = (
    'data: {"id":"chatcmpl-00000000000000000000000000000000","object":"chat.completion.chunk","created":1700000000,'
    '"model":"times","system_fingerprint":"exo","choices":[{"index":0,"delta":{"content":"%020d"},"logprobs":null,'
    '"finish_reason":null}]}\n\n'
)
"""A token as the front door writes it, or nearly."""


async def bare(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The same stream without a front door: any request is answered by it."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(PACED_TOKENS):
        await asyncio.sleep(PACE_S)
        line = (LINE % time.monotonic_ns()).encode()
        writer.write(b"%x\r\n%b\r\n" % (len(line), line))
    writer.write(b"0\r\n\r\n")
    writer.close()


async def serve() -> None:
    """The servers: print where they are, and end with their standard input."""
    surfaces = {"http": exo_http.plugin, "openai": exo_api_openai.plugin}
    node = ScriptedNode(scripts={"words": words, "times": times}, plugins=Plugins(built_in=surfaces, points=()))
    beside = await asyncio.start_server(bare, "127.0.0.1", 0)
    async with serving_at(node) as url, beside:
        host, port = beside.sockets[0].getsockname()
        print(url, f"http://{host}:{port}", flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def measure() -> None:
    """The client: starts the server and asks it."""
    server = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "serve", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None  # noqa: S101  it was asked for
    url, bare_url = (await server.stdout.readline()).decode().split()
    process = psutil.Process(server.pid)
    await stream(url, chat_body("words", max_tokens=20))
    for _ in range(TURNS):
        await throughput(url, process, "words", streams=STREAMS, tokens=TOKENS)
    own: list[float] = []
    for _ in range(TURNS):
        without, through = await delay(bare_url), await delay(url)
        own.append(through - without)
        print(f"p50 of a token's delay: {through:.3f} ms, of that without a front door {without:.3f} ms", flush=True)
    print(f"the front door's own: {statistics.median(own):.3f} ms (from {min(own):.3f} to {max(own):.3f})", flush=True)
    assert server.stdin is not None  # noqa: S101
    server.stdin.close()
    await server.wait()


async def delay(url: str) -> float:
    """From the script to the client, per token: the median, in milliseconds."""
    delays: list[float] = []

    def seen(line: bytes) -> None:
        found = line.find(b'"content":"0')
        if found >= 0:
            delays.append((time.monotonic_ns() - int(line[found + 11 : found + 31])) / 1e6)

    await stream(url, chat_body("times", max_tokens=PACED_TOKENS), on_line=seen)
    assert len(delays) == PACED_TOKENS  # noqa: S101
    return statistics.median(delays)


if __name__ == "__main__":
    asyncio.run(serve() if sys.argv[1:] == ["serve"] else measure())
