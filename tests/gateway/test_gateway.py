"""A request's way through the gateway when things go wrong: every request ends, with something that can be read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, aclosing

from exo_core.identifiers import RequestId
from exo_core.node.node import Node
from exo_core.requests import Answer, Chunk, Failed, Generate, Refused, TextPrompt
from exo_core.testing.clusters import MemoryCluster

MakeCluster = Callable[[int], AbstractAsyncContextManager[MemoryCluster]]


def request(name: str) -> Generate:
    return Generate(request_id=RequestId(name), prompt=TextPrompt(text="one two three"), max_tokens=8)


def failure_of(answers: list[Answer]) -> str:
    """The code of the last answer, which must be a failure."""
    assert isinstance(answers[-1], Failed), answers
    return answers[-1].code


async def all_of(generator: AsyncGenerator[Answer]) -> list[Answer]:
    async with aclosing(generator) as answers:
        return [answer async for answer in answers]


async def test_a_request_that_is_cancelled_before_its_first_step_ends(cluster: MakeCluster) -> None:
    async with cluster(1) as one:
        node: Node = one.nodes[0]
        reading = asyncio.create_task(all_of(node.generate(request("early"), one.model)))
        while not node.cancel(RequestId("early")):  # noqa: ASYNC110  it must be asked at every step of the loop
            await asyncio.sleep(0)
        async with asyncio.timeout(10):
            answers = await reading
        assert not any(isinstance(answer, Chunk) for answer in answers)
        assert not node.cancel(RequestId("early")), "it is forgotten"


async def test_a_running_request_is_cancelled_by_its_id(cluster: MakeCluster) -> None:
    async with cluster(1) as one:
        node = one.nodes[0]
        answers: list[Answer] = []
        async with asyncio.timeout(60), aclosing(node.generate(request("r"), one.model)) as generator:
            async for answer in generator:
                answers.append(answer)
                node.cancel(RequestId("r"))
        assert failure_of(answers) == "cancelled"


async def test_two_requests_of_one_id_are_not_mixed_up(cluster: MakeCluster) -> None:
    async with cluster(1) as one:
        node = one.nodes[0]
        first = node.generate(request("same"), one.model)
        async with aclosing(first):
            await anext(first)
            second = await all_of(node.generate(request("same"), one.model))
        assert second[-1].kind == "refused"


async def test_a_node_that_stops_tells_its_clients_and_takes_no_more(cluster: MakeCluster) -> None:
    async with cluster(1) as one:
        node, model = one.nodes[0], one.model
        generator = node.generate(request("r"), model)
        answers = [await anext(generator)]  # it waits for the model to be loaded
    async with asyncio.timeout(10):
        answers += await all_of(generator)
        late = await all_of(node.generate(request("late"), model))
    assert failure_of(answers) == "stopping"
    assert isinstance(late[-1], Refused)
    assert late[-1].code == "stopping"
