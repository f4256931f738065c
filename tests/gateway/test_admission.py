"""More requests than a node or a head takes are refused at once, and told to come back."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import pytest

from exo_core.gateway.engine_call import EngineCall
from exo_core.gateway.local_heads import LocalHeads
from exo_core.identifiers import CommandId, Epoch, InstanceId, ModelId, NodeId, RequestId, RunnerId
from exo_core.node.node import Node
from exo_core.node.options import NodeOptions
from exo_core.node_handle import HeadLoad
from exo_core.placement import PlacementRequest
from exo_core.requests import Accepted, Answer, Chunk, EngineRequest, Generate, Refused, Sampling, TextPrompt
from exo_core.state.commands import PlaceInstance
from exo_core.testing.clusters import memory_cluster
from exo_core.testing.echo_model import EchoConfig

EPOCH = Epoch(term=1, master_id=NodeId("a" * 26))
HEAD, OTHER = RunnerId("head"), RunnerId("other")
SLOW = EchoConfig(seconds_per_token=0.02)


def request(name: str, *, delivered: tuple[int, ...] = ()) -> Generate:
    return Generate(
        request_id=RequestId(name),
        delivered=(delivered,),
        prompt=TextPrompt(text=f"{name} two"),
        max_tokens=100,
        sampling=Sampling(ignore_eos=True),
    )


class PatientHead:
    """A head that gives one token once it is told to, and then nothing."""

    def __init__(self) -> None:
        self.serve = asyncio.Event()

    async def generate(self, request: EngineRequest, epoch: Epoch) -> AsyncGenerator[Answer, None]:
        del request, epoch
        yield Accepted(prompt_ids=(1,))
        await self.serve.wait()
        yield Chunk(index=0, token_id=1, text_from=0, text="x")
        await asyncio.Event().wait()


def call(name: str, *, runner_id: RunnerId = HEAD, delivered: tuple[int, ...] = ()) -> EngineCall:
    return EngineCall(runner_id=runner_id, epoch=EPOCH, request=request(name, delivered=delivered))


async def test_a_head_takes_so_many_that_wait_and_refuses_the_next() -> None:
    heads = {HEAD: PatientHead(), OTHER: PatientHead()}
    desk = LocalHeads(heads.get, most=2)
    async with AsyncExitStack() as opened:

        async def ask(asked: EngineCall) -> AsyncGenerator[Answer]:
            return await opened.enter_async_context(aclosing(desk.answers(asked)))

        waiting = [await ask(call(f"r{number}")) for number in range(2)]
        for each in waiting:
            assert isinstance(await anext(each), Accepted)
        assert desk.waiting(HEAD) == 2
        refused = await anext(await ask(call("r2")))
        assert isinstance(refused, Refused)
        assert (refused.status, refused.code) == (429, "queue_full")
        assert isinstance(await anext(await ask(call("elsewhere", runner_id=OTHER))), Accepted), "its queue is its own"
        assert isinstance(await anext(await ask(call("replay", delivered=(1,)))), Accepted), "its client reads already"
        await waiting[0].aclose()
        heads[HEAD].serve.set()
        assert isinstance(await anext(waiting[1]), Chunk)
        assert desk.waiting(HEAD) == 1, "one has gone, one has its first token, and the replay waits"
        assert desk.loads[HEAD] == HeadLoad(waiting=1, answering=1)
        assert isinstance(await anext(await ask(call("r3"))), Accepted)
    assert desk.waiting(HEAD) == desk.waiting(OTHER) == 0
    assert not desk.loads


async def test_who_is_not_there_keeps_nobody_waiting() -> None:
    heads = LocalHeads(lambda _: None, most=1)
    for _ in range(2):
        (answer,) = [answer async for answer in heads.answers(call("r"))]
        assert getattr(answer, "code", "") == "instance_lost"
    assert heads.waiting(HEAD) == 0


async def first_word(node: Node, model: ModelId, name: str, opened: AsyncExitStack) -> Answer:
    """The first token, or the refusal; the request goes on until `opened` is left."""
    answers = await opened.enter_async_context(aclosing(node.generate(request(name), model)))
    async for answer in answers:
        if isinstance(answer, Chunk | Refused):
            return answer
    pytest.fail("it ended without a word")


async def test_a_node_takes_so_many_at_once(tmp_path: Path) -> None:
    def two_at_once(options: NodeOptions) -> NodeOptions:
        return dataclasses.replace(options, max_requests=2)

    async with memory_cluster(1, tmp_path, echo=SLOW, change=two_at_once) as one:
        (node,) = one.nodes
        async with AsyncExitStack() as opened:
            for number in range(2):
                waiting = opened.enter_async_context(aclosing(node.generate(request(f"r{number}"), one.model)))
                await anext(await waiting)
            refused = await first_word(node, one.model, "r2", opened)
            assert isinstance(refused, Refused)
            assert (refused.status, refused.code) == (429, "too_many_requests")
        async with AsyncExitStack() as opened:
            assert isinstance(await first_word(node, one.model, "r3", opened), Chunk)


async def test_a_full_queue_is_passed_over_where_there_is_another(tmp_path: Path) -> None:
    def short_queues(options: NodeOptions) -> NodeOptions:
        return dataclasses.replace(options, max_queue=1)

    async with memory_cluster(2, tmp_path, echo=SLOW, change=short_queues) as two:
        front, other = two.nodes
        await front.add_model(two.model)
        for node in (front, other):
            wish = PlacementRequest(instance_id=InstanceId(node.node_id[:4]), model_id=two.model, nodes=(node.node_id,))
            await front.submit(PlaceInstance(command_id=CommandId(node.node_id), request=wish))
        async with asyncio.timeout(30), aclosing(front.changes()) as changes:
            async for _ in changes:
                if [front.instance_status(name)[0] for name in front.state.instances] == ["ready"] * 2:
                    break
        async with AsyncExitStack() as opened:
            # The echo backend serves one at a time: two run, and one waits at each.
            for number in range(2):
                assert isinstance(await first_word(front, two.model, f"runs{number}", opened), Chunk)
            waiting = [
                asyncio.create_task(first_word(front, two.model, f"waits{number}", opened)) for number in range(2)
            ]
            await asyncio.sleep(0.1)
            refused = await first_word(front, two.model, "too many", opened)
            assert isinstance(refused, Refused)
            assert (refused.status, refused.code) == (429, "queue_full")
            assert not any(task.done() for task in waiting)
            for answer in await asyncio.gather(*waiting):
                assert isinstance(answer, Chunk)
