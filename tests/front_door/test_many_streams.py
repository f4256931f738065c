"""Many streams at once: each is whole, its first token comes soon, and the node stays small."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import psutil
import pytest

from exo_http.testing.stream_client import Stream

if TYPE_CHECKING:
    from conftest import Figures, FrontDoor, StartClient

LONGEST_TO_FIRST_S = 2.0
"""On a machine that does nothing else; the small version is no measurement."""
FEW, MANY = 60, 1000
LARGEST_NODE_BYTES = 300e6
PATIENCE_S = 150.0


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("streams", "tokens"), [(FEW, 6), pytest.param(MANY, 60, marks=pytest.mark.slow)])
async def test_streams_at_once(
    door: FrontDoor, figures: Figures, start_client: StartClient, streams: int, tokens: int
) -> None:
    node = psutil.Process(door.node.process.pid)
    client = start_client("many_streams", door.node.url, door.paced, str(streams), str(tokens))
    answers = asyncio.create_task(asyncio.to_thread(client.stop, PATIENCE_S))
    memory = 0
    while not answers.done():
        memory = max(memory, node.memory_info().rss)
        await asyncio.wait((answers,), timeout=0.25)
    heard = [Stream(**json.loads(line)) for line in answers.result()]
    assert len(heard) == streams
    assert all(each.is_whole for each in heard)
    assert {each.chunks for each in heard} == {tokens + 1}, "the role, and each token by itself"
    assert not sum(each.errors for each in heard)
    firsts = sorted(each.first_s for each in heard if each.first_s is not None)
    texts = sorted(each.token_s for each in heard if each.token_s is not None)
    assert len(texts) == streams
    first, text = (times[int(0.99 * streams)] for times in (firsts, texts))
    figures.add(f"{streams} streams at once", "0 errors", f"0 errors, {streams * tokens} tokens")
    figures.add("  first chunk, p99", f"{LONGEST_TO_FIRST_S} s", f"{first:.2f} s (first text: {text:.2f} s)")
    figures.add("  memory of the node", f"{LARGEST_NODE_BYTES / 1e6:.0f} MB", f"{memory / 1e6:.0f} MB")
    assert memory <= LARGEST_NODE_BYTES
    assert streams == FEW or text <= LONGEST_TO_FIRST_S
