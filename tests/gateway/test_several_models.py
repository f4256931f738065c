"""Several models at once, several replicas of one, and other names for them: all of a real cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import pytest

from exo_core.identifiers import CommandId, InstanceId, ModelId, RequestId
from exo_core.node.node import Node
from exo_core.placement import PlacementRequest
from exo_core.requests import Accepted, Chunk, Generate, Refused, Sampling, TextPrompt
from exo_core.state.aliases import EXTENSION
from exo_core.state.commands import ChangeExtension, CommandAccepted, DeleteInstance, PlaceInstance
from exo_core.testing.clusters import MemoryCluster, memory_cluster
from exo_core.testing.echo_model import EchoConfig, write_echo_model

PATIENCE_S = 30
SLOW = EchoConfig(seconds_per_token=0.02)


def request(name: str, tokens: int = 3) -> Generate:
    return Generate(
        request_id=RequestId(name),
        prompt=TextPrompt(text=f"{name} two three"),
        max_tokens=tokens,
        sampling=Sampling(ignore_eos=True),
    )


async def answer_of(node: Node, model: str, name: str, tokens: int = 3) -> str:
    async with asyncio.timeout(PATIENCE_S), aclosing(node.generate(request(name, tokens), ModelId(model))) as answers:
        return "".join([answer.text async for answer in answers if isinstance(answer, Chunk)])


async def until(node: Node, holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S), aclosing(node.changes()) as changes:
        async for _ in changes:
            if holds():
                return


async def place(node: Node, model: str) -> InstanceId:
    """As `exo place` does: an instance more."""
    await node.add_model(ModelId(model))
    name = InstanceId(f"i-{len(node.state.instances)}")
    wish = PlacementRequest(instance_id=name, model_id=ModelId(model))
    answer = await node.submit(PlaceInstance(command_id=CommandId(f"place {name}"), request=wish))
    assert isinstance(answer, CommandAccepted)
    await until(node, lambda: name in node.state.instances and node.instance_status(name)[0] == "ready")
    return name


@pytest.fixture
async def two(tmp_path: Path) -> AsyncGenerator[MemoryCluster]:
    async with memory_cluster(2, tmp_path, echo=SLOW) as cluster:
        yield cluster


async def test_two_models_answer_side_by_side_and_by_another_name(two: MemoryCluster, tmp_path: Path) -> None:
    alpha, beta = two.nodes
    other = str(write_echo_model(tmp_path / "other", SLOW))
    await place(alpha, two.model)
    await place(alpha, other)
    await alpha.submit(ChangeExtension(command_id=CommandId("c"), plugin=EXTENSION, key="fast", value=other))
    await until(beta, lambda: "fast" in beta.state.extensions.get(EXTENSION, {}) and len(beta.state.instances) == 2)
    asked = [answer_of(beta, two.model, "one"), answer_of(beta, other, "other"), answer_of(beta, "fast", "alias")]
    assert await asyncio.gather(*asked) == ["one two three", "other two three", "alias two three"]
    assert len(alpha.state.instances) == 2, "nothing was placed for a name"
    refused = [answer async for answer in beta.generate(request("r"), ModelId("slow"))]
    assert isinstance(refused[-1], Refused)
    assert refused[-1].code == "model_not_found"


async def test_placed_twice_it_is_there_twice(two: MemoryCluster) -> None:
    alpha, beta = two.nodes
    first, second = await place(alpha, two.model), await place(alpha, two.model)
    assert first != second
    await until(beta, lambda: all(name in beta.state.instances for name in (first, second)))
    async with asyncio.timeout(PATIENCE_S), AsyncExitStack() as opened:
        # The echo backend answers one request at a time: two that run at once run on two replicas.
        for name in ("one", "two"):
            answers = await opened.enter_async_context(aclosing(beta.generate(request(name, 500), two.model)))
            while not isinstance(await anext(answers), Accepted):
                pass
    await alpha.submit(DeleteInstance(command_id=CommandId("delete"), instance_id=first))
    await until(beta, lambda: first not in beta.state.instances)
    assert await answer_of(beta, two.model, "three") == "three two three"
    assert list(beta.state.instances) == [second]
