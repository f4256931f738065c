"""What does the way of a token from the engine's answer to a client's socket cost in this front door?

uv run python exo_api_openai/benchmarks/stream_cost.py

The engine is a script in the server's own process, so that nothing but the front door is measured: many streams as fast
as they go for the throughput, one slow stream for the delay of a token (the script writes the time into its text).
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


async def serve() -> None:
    """The server: prints where it is, and ends with its standard input."""
    surfaces = {"http": exo_http.plugin, "openai": exo_api_openai.plugin}
    node = ScriptedNode(scripts={"words": words, "times": times}, plugins=Plugins(built_in=surfaces, points=()))
    async with serving_at(node) as url:
        print(url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def measure() -> None:
    """The client: starts the server and asks it."""
    server = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "serve", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None  # noqa: S101  it was asked for
    url = (await server.stdout.readline()).decode().strip()
    process = psutil.Process(server.pid)
    await stream(url, chat_body("words", max_tokens=20))
    for _ in range(TURNS):
        await throughput(url, process, "words", streams=STREAMS, tokens=TOKENS)
    for _ in range(TURNS):
        await delay(url)
    assert server.stdin is not None  # noqa: S101
    server.stdin.close()
    await server.wait()


async def delay(url: str) -> None:
    """From the script to the client, per token."""
    delays: list[float] = []

    def seen(line: bytes) -> None:
        found = line.find(b'"content":"0')
        if found >= 0:
            delays.append((time.monotonic_ns() - int(line[found + 11 : found + 31])) / 1e6)

    await stream(url, chat_body("times", max_tokens=PACED_TOKENS), on_line=seen)
    delays.sort()
    print(
        f"delay of a token: p50 {statistics.median(delays):.3f} ms, p99 {delays[int(0.99 * len(delays))]:.3f} ms "
        f"({len(delays)} tokens)",
        flush=True,
    )


if __name__ == "__main__":
    asyncio.run(serve() if sys.argv[1:] == ["serve"] else measure())
