"""What a request had placed goes when nobody uses it, and comes back when somebody does."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from exo_core.gateway.engine_call import EngineCall
from exo_core.gateway.local_heads import LocalHeads
from exo_core.identifiers import CommandId, Epoch, InstanceId, NodeId, RequestId, RunnerId
from exo_core.node.node import Node
from exo_core.node.options import NodeOptions
from exo_core.node_handle import AppliedEvent
from exo_core.placement import PlacementRequest
from exo_core.requests import Accepted, Answer, Chunk, EngineRequest, Generate, Sampling, TextPrompt
from exo_core.state.commands import PlaceInstance
from exo_core.state.events import InstanceDeleted
from exo_core.testing.clusters import memory_cluster
from exo_core.testing.echo_model import EchoConfig

PATIENCE_S = 30


def after_a_second(options: NodeOptions) -> NodeOptions:
    """A node that unloads what is idle for a second."""
    return dataclasses.replace(options, idle_unload_s=1)


def request(name: str, tokens: int = 3) -> Generate:
    return Generate(
        request_id=RequestId(name),
        prompt=TextPrompt(text="one two three"),
        max_tokens=tokens,
        sampling=Sampling(ignore_eos=True),
    )


async def tokens_of(answers: AsyncGenerator[Answer]) -> list[int]:
    async with asyncio.timeout(PATIENCE_S), aclosing(answers):
        return [answer.index async for answer in answers if isinstance(answer, Chunk)]


async def until(node: Node, holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S), aclosing(node.changes()) as changes:
        async for _ in changes:
            if holds():
                return


async def deletions(node: Node) -> int:
    """How many events of the log say that an instance is wished no more."""
    count, length = 0, node.log.length
    async with aclosing(node.events(0)) as events:
        async for item in events:
            assert isinstance(item, AppliedEvent)
            count += isinstance(item.event, InstanceDeleted)
            if item.index == length:
                return count
    return count


async def test_it_goes_by_one_event_and_comes_back(tmp_path: Path) -> None:
    slow = EchoConfig(seconds_per_token=0.02)
    async with memory_cluster(1, tmp_path, echo=slow, change=after_a_second) as one:
        (node,) = one.nodes
        assert await tokens_of(node.generate(request("long", 120), one.model)) == list(range(120)), "longer than idle"
        (first,) = node.state.instances
        assert node.state.instances[first].request.unload_after_s == 1
        await until(node, lambda: not node.state.instances)
        assert await tokens_of(node.generate(request("again"), one.model)) == [0, 1, 2]
        (second,) = node.state.instances
        assert second != first
        await until(node, lambda: not node.state.instances)
        assert await deletions(node) == 2


async def test_what_a_person_placed_stays(tmp_path: Path) -> None:
    async with memory_cluster(1, tmp_path, change=after_a_second) as one:
        (node,) = one.nodes
        await node.add_model(one.model)
        wish = PlacementRequest(instance_id=InstanceId("i"), model_id=one.model)
        await node.submit(PlaceInstance(command_id=CommandId("place"), request=wish))
        assert await tokens_of(node.generate(request("r"), one.model)) == [0, 1, 2]
        await asyncio.sleep(2.5)
        assert list(node.state.instances) == ["i"]


async def test_who_comes_while_it_goes_has_it_placed_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    going, retire = asyncio.Event(), LocalHeads.retire

    def told(self: LocalHeads, runner_id: RunnerId) -> bool:
        going.set()
        return retire(self, runner_id)

    monkeypatch.setattr(LocalHeads, "retire", told)
    async with memory_cluster(2, tmp_path, change=after_a_second) as two:
        alpha, beta = two.nodes
        await tokens_of(alpha.generate(request("first"), two.model))
        (instance,) = alpha.state.instances
        await until(beta, lambda: instance in beta.state.instances)
        async with asyncio.timeout(PATIENCE_S):
            await going.wait()  # its deletion is not in the log yet
        both = await asyncio.gather(*(tokens_of(node.generate(request("late"), two.model)) for node in two.nodes))
        assert both == [[0, 1, 2]] * 2
        assert instance not in alpha.state.instances


class Talker:
    """A head that never ends."""

    async def generate(self, request: EngineRequest, epoch: Epoch) -> AsyncGenerator[Answer, None]:
        del request, epoch
        yield Accepted(prompt_ids=(1,))
        await asyncio.Event().wait()


async def test_a_head_is_idle_from_its_last_answer_on_and_retired_only_then() -> None:
    now, head = [100.0], RunnerId("head")
    heads = LocalHeads({head: Talker()}.__getitem__, now=lambda: now[0])
    call = EngineCall(runner_id=head, epoch=Epoch(term=1, master_id=NodeId("a" * 26)), request=request("r"))
    assert heads.idle_s(head) == 0
    now[0] += 5
    assert heads.idle_s(head) == 5
    async with aclosing(heads.answers(call)) as answers:
        await anext(answers)
        now[0] += 50
        assert heads.idle_s(head) == 0
        assert not heads.retire(head)
    now[0] += 2
    assert heads.idle_s(head) == 2
    assert heads.retire(head)
    (refusal,) = [answer async for answer in heads.answers(call)]
    assert getattr(refusal, "code", "") == "unloaded"
    heads.reinstate(head)
    assert heads.idle_s(head) == 0
    async with aclosing(heads.answers(call)) as answers:
        assert isinstance(await anext(answers), Accepted)
