"""A node that drains takes no new requests; what runs comes to its end there, or goes on elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path

from exo_core.identifiers import CommandId, InstanceId, RequestId
from exo_core.node.node import Node
from exo_core.placement import PlacementRequest
from exo_core.requests import Answer, Chunk, Failed, Generate, Refused, Sampling, TextPrompt
from exo_core.state.commands import PlaceInstance
from exo_core.telemetry import draining_nodes
from exo_core.testing.clusters import MemoryCluster, memory_cluster
from exo_core.testing.echo_model import EchoConfig

PATIENCE_S = 30
SLOW = EchoConfig(seconds_per_token=0.02)


def request(name: str, tokens: int) -> Generate:
    """So many tokens."""
    return Generate(
        request_id=RequestId(name),
        prompt=TextPrompt(text="one two three"),
        max_tokens=tokens,
        sampling=Sampling(ignore_eos=True),
    )


async def until(node: Node, holds: Callable[[], bool]) -> None:
    """Wait for something that this node hears of."""
    async with asyncio.timeout(PATIENCE_S), aclosing(node.changes()) as changes:
        async for _ in changes:
            if holds():
                return


async def place(cluster: MemoryCluster, name: str, holder: Node) -> None:
    """A whole instance on one node, ready as all nodes know."""
    wish = PlacementRequest(instance_id=InstanceId(name), model_id=cluster.model, nodes=(holder.node_id,))
    await holder.add_model(cluster.model)
    await holder.submit(PlaceInstance(command_id=CommandId(f"place {name}"), request=wish))
    for node in cluster.nodes:
        await until(node, lambda node=node: is_ready(node, name))


def is_ready(node: Node, name: str) -> bool:
    return name in node.state.instances and node.instance_status(InstanceId(name))[0] == "ready"


async def all_of(answers: AsyncGenerator[Answer], at_fifth: Callable[[], None] = lambda: None) -> list[Answer]:
    """All answers; something happens at the fifth token."""
    found: list[Answer] = []
    async with asyncio.timeout(PATIENCE_S), aclosing(answers):
        async for answer in answers:
            found.append(answer)
            if isinstance(answer, Chunk) and answer.index == 4:
                at_fifth()
    return found


def indexes(answers: list[Answer]) -> list[int]:
    """Which tokens came, in order."""
    return [answer.index for answer in answers if isinstance(answer, Chunk)]


async def test_what_runs_comes_to_its_end_and_nothing_new_begins(tmp_path: Path) -> None:
    async with memory_cluster(1, tmp_path, echo=SLOW) as one:
        (node,) = one.nodes
        await place(one, "i", node)
        draining: list[asyncio.Task[None]] = []
        running = all_of(
            node.generate(request("running", 60), one.model),
            lambda: draining.append(asyncio.create_task(node.drain(20))),
        )
        running_task = asyncio.create_task(running)
        while not draining:  # noqa: ASYNC110  until the fifth token
            await asyncio.sleep(0.01)
        await asyncio.sleep(0)
        assert node.is_draining
        refused = await all_of(node.generate(request("late", 5), one.model))
        assert [(type(answer), getattr(answer, "code", "")) for answer in refused] == [(Refused, "stopping")]
        assert indexes(await running_task) == list(range(60))
        async with asyncio.timeout(1):
            await draining[0]


async def test_what_does_not_end_in_time_is_waited_for_no_longer(tmp_path: Path) -> None:
    async with memory_cluster(1, tmp_path, echo=SLOW) as one:
        (node,) = one.nodes
        await place(one, "i", node)
        reading = asyncio.create_task(all_of(node.generate(request("long", 3000), one.model)))
        await asyncio.sleep(0.2)
        begun = asyncio.get_running_loop().time()
        await node.drain(0.5)
        assert 0.4 < asyncio.get_running_loop().time() - begun < 1.5
        assert not reading.done()
    answers = await reading
    assert isinstance(answers[-1], Failed)
    assert answers[-1].code == "stopping"


async def test_others_send_it_nothing_more_and_get_back_what_it_could_not_finish(tmp_path: Path) -> None:
    async with memory_cluster(3, tmp_path, echo=SLOW) as three:
        front, holder, other = three.nodes
        await place(three, "i", holder)
        stream = asyncio.create_task(all_of(front.generate(request("handed-back", 300), three.model)))
        await place(three, "j", other)
        draining = asyncio.create_task(holder.drain(1))
        await asyncio.sleep(0)
        before_the_news = [front.generate(request(f"early-{number}", 3), three.model) for number in range(4)]
        for answers in await asyncio.gather(*map(all_of, before_the_news)):
            assert indexes(answers) == list(range(3))
        await until(front, lambda: holder.node_id in draining_nodes(front.telemetry))
        assert holder.node_id not in {node.node_id for node in front.topology().nodes}, "nothing is placed there now"
        assert indexes(await all_of(front.generate(request("new", 3), three.model))) == list(range(3))
        assert not stream.done()
        await draining
        await three.stop(holder)
        assert indexes(await stream) == list(range(300))
