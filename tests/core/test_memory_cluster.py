"""Whole nodes in one process: what the fixture `cluster` gives, and the gateway over the network."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, aclosing

from exo_core.identifiers import ModelId, RequestId
from exo_core.node.node import Node
from exo_core.requests import Accepted, Answer, Chunk, Generate, Progress, Refused, TextPrompt
from exo_core.testing.clusters import MemoryCluster

MakeCluster = Callable[[int], AbstractAsyncContextManager[MemoryCluster]]


async def answers(node: Node, model: ModelId, text: str = "one two three", *, name: str = "r") -> list[Answer]:
    """Everything that comes out of a request."""
    request = Generate(request_id=RequestId(f"{name}-{node.node_id}"), prompt=TextPrompt(text=text), max_tokens=16)
    async with aclosing(node.generate(request, model)) as generator:
        return [answer async for answer in generator]


def text_of(found: list[Answer]) -> str:
    return "".join(answer.text for answer in found if isinstance(answer, Chunk))


async def test_every_node_answers_alike_wherever_the_instance_lives(cluster: MakeCluster) -> None:
    async with cluster(3) as three:
        first = await answers(three.nodes[0], three.model)
        assert isinstance(first[0], Progress), "it had to be placed first"
        assert any(isinstance(answer, Accepted) for answer in first), first
        expected = text_of(first)
        assert expected
        (instance,) = three.nodes[0].state.instances.values()
        assert instance.placement is not None
        holders = {shard.node_id for shard in instance.placement.shards}
        assert any(node.node_id not in holders for node in three.nodes), "some answers must come over the network"
        for node in three.nodes:
            later = await answers(node, three.model, name="again")
            assert not isinstance(later[0], Progress), "it is placed once"
            assert text_of(later) == expected


async def test_an_unknown_model_is_refused_by_name(cluster: MakeCluster) -> None:
    async with cluster(1) as one:
        found = await answers(one.nodes[0], ModelId("nobody/has-this"))
        refusal = found[-1]
        assert isinstance(refusal, Refused)
        assert (refusal.status, refusal.code) == (404, "model_not_found")


async def test_all_nodes_agree_on_one_log(cluster: MakeCluster) -> None:
    async with cluster(3) as three:
        await answers(three.nodes[1], three.model)
        length = max(node.log.length for node in three.nodes)
        for node in three.nodes:
            assert await node.wait_for_index(length, timeout=10)
        assert len({node.log.hash for node in three.nodes}) == 1
