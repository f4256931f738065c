"""A request's way through the gateway when things go wrong: every request ends, with something that can be read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from pathlib import Path

from exo_core.hookspecs import hookimpl
from exo_core.identifiers import RequestId
from exo_core.node.node import Node
from exo_core.observations import Observation
from exo_core.requests import Answer, Chunk, Failed, Generate, Refused, Result, TextPrompt, Tokenize
from exo_core.testing.clusters import MemoryCluster, memory_cluster
from exo_core.testing.echo_model import EchoConfig

MakeCluster = Callable[[int], AbstractAsyncContextManager[MemoryCluster]]


def request(name: str, tokens: int = 8) -> Generate:
    return Generate(request_id=RequestId(name), prompt=TextPrompt(text="one two three"), max_tokens=tokens)


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


class Ends:
    """A plugin that hears how requests ended: the code of an error, or nothing."""

    def __init__(self) -> None:
        self.codes: dict[str, str] = {}

    @hookimpl
    def exo_observe(self, observation: Observation) -> None:
        if observation.kind == "request_finished":
            self.codes[observation.subject] = observation.detail


async def test_only_what_was_answered_is_told_as_answered(tmp_path: Path) -> None:
    ends = Ends()
    async with memory_cluster(1, tmp_path, echo=EchoConfig(seconds_per_token=0.05), plugins={"ends": ends}) as one:
        node, model = one.nodes[0], one.model
        assert not failed(await all_of(node.generate(request("whole"), model)))
        async with aclosing(node.generate(request("cancelled", 400), model)) as generator:
            async for answer in generator:
                if isinstance(answer, Chunk):
                    node.cancel(RequestId("cancelled"))
        async with aclosing(node.generate(request("hung-up", 400), model)) as generator:
            async for answer in generator:
                if isinstance(answer, Chunk):
                    break
        tokenize = Tokenize(request_id=RequestId("result"), prompt=TextPrompt(text="one"))
        async with aclosing(node.generate(tokenize, model)) as generator:
            async for answer in generator:
                if isinstance(answer, Result):
                    break  # it has what it asked for
        stopped = node.generate(request("stopped", 400), model)
        await anext(stopped)
    async with asyncio.timeout(10):
        await all_of(stopped)
    assert ends.codes == {
        "whole": "",
        "cancelled": "cancelled",
        "hung-up": "cancelled",
        "result": "",
        "stopped": "stopping",
    }


def failed(answers: list[Answer]) -> bool:
    return any(isinstance(answer, Failed | Refused) for answer in answers)
