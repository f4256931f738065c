"""`exo run --drain`, with a real node: what runs may end, nothing new begins, and it all ends in time with status 0."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from exo_core.testing.echo_model import EchoConfig, write_echo_model
from exo_core.testing.node_process import NodeProcess
from exo_core.testing.plugin_folder import with_plugins
from exo_http.testing.stream_client import Stream, chat_body, stream

MakeNode = Callable[..., NodeProcess]
SECONDS_AFTER = 2.0
"""Within which a node ends once nothing is waited for any more."""


@pytest.fixture
def model(tmp_path: Path) -> str:
    """Fifty tokens a second."""
    return str(write_echo_model(tmp_path / "echo", EchoConfig(seconds_per_token=0.02)))


@pytest.fixture
def draining_node(make_node: MakeNode, tmp_path: Path, model: str) -> Callable[[float], NodeProcess]:
    """`draining_node(5)`: one that runs, and has the model ready."""

    def make(seconds: float) -> NodeProcess:
        environment = with_plugins(tmp_path / "plugins", {"echo": "exo_core.testing.echo_plugin"})
        node = make_node("alpha", "--backend", "echo", "--drain", str(seconds), environment=environment).start()
        node.place(model)
        return node

    return make


def streaming(node: NodeProcess, model: str, tokens: int) -> asyncio.Task[Stream]:
    """A stream that takes a while."""
    body = chat_body(model, max_tokens=tokens, ignore_eos=True)
    return asyncio.create_task(stream(node.url, body))


def refusal(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, code and Retry-After."""
    return answer.status_code, answer.json()["error"]["code"], answer.headers["Retry-After"]


async def test_streams_end_and_nothing_new_begins(draining_node: Callable[[float], NodeProcess], model: str) -> None:
    node = draining_node(30)
    running = streaming(node, model, 150)
    await asyncio.sleep(0.5)
    node.process.send_signal(signal.SIGTERM)
    await asyncio.sleep(0.3)
    async with httpx.AsyncClient(base_url=node.url, trust_env=False) as client:
        asked = {"model": model, "messages": [{"role": "user", "content": "one"}]}
        assert refusal(await client.post("/v1/chat/completions", json=asked)) == (503, "stopping", "1")
        assert refusal(await client.get("/ready")) == (503, "stopping", "1")
        assert (await client.get("/health")).status_code == 200
        (member,) = (await client.get("/state")).json()["nodes"].values()
        assert member["draining"] is True
    heard = await running
    assert (heard.status, heard.is_whole, heard.errors, heard.chunks) == (200, True, 0, 151)
    ended = time.monotonic()
    assert await asyncio.to_thread(node.process.wait, 10) == 0
    assert time.monotonic() - ended < SECONDS_AFTER


@pytest.mark.parametrize("signals", [1, 2])
async def test_what_takes_too_long_is_ended_with_an_error(
    draining_node: Callable[[float], NodeProcess], model: str, signals: int
) -> None:
    """By the time that was given, or by a second signal."""
    seconds = 1.5 if signals == 1 else 60
    node = draining_node(seconds)
    running = streaming(node, model, 3000)
    await asyncio.sleep(0.5)
    begun = time.monotonic()
    for _ in range(signals):
        node.process.send_signal(signal.SIGINT)
        await asyncio.sleep(0.5)
    status = await asyncio.to_thread(node.process.wait, 20)
    took = time.monotonic() - begun
    heard = await running
    assert status == 0, node.output
    assert (heard.is_whole, heard.errors) == (False, 1), "the last event says why"
    assert heard.chunks > 10
    assert took < SECONDS_AFTER + (seconds if signals == 1 else 0.5)
