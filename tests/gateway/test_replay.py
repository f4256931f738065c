"""Streams go on when whatever answers them is gone: each token once, in order, and the text as it would have been."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from exo_core.hookspecs import hookimpl
from exo_core.identifiers import CommandId, InstanceId, RequestId
from exo_core.node.node import Node
from exo_core.observations import Observation
from exo_core.placement import PlacementRequest
from exo_core.requests import Accepted, Answer, Chunk, Failed, Generate, Sampling, TextPrompt
from exo_core.state.commands import DeleteInstance, PlaceInstance
from exo_core.testing.clusters import MemoryCluster, memory_cluster
from exo_core.testing.echo_model import EchoConfig
from exo_core.testing.echo_reply import reply_chunks
from exo_core.testing.echo_words import token_ids_of

PATIENCE_S = 60
SLOW = EchoConfig(seconds_per_token=0.02)
TEXT = "one two three four five six seven"
Fault = Callable[[], Awaitable[None]]


class Witness:
    """A plugin of every node that keeps what it is told of replays."""

    def __init__(self) -> None:
        self.replays: list[Observation] = []

    @hookimpl
    def exo_observe(self, observation: Observation) -> None:
        if observation.kind == "request_replayed":
            self.replays.append(observation)


def request(**fields: object) -> Generate:
    long = {"sampling": Sampling(ignore_eos=True), "max_tokens": 40}
    return Generate.model_validate({"request_id": RequestId("r"), "prompt": TextPrompt(text=TEXT), **long, **fields})


def expected(asked: Generate) -> list[Chunk]:
    """What an engine that nothing happens to answers."""
    return list(reply_chunks(asked, token_ids_of(TEXT), context=SLOW.context))


async def place(cluster: MemoryCluster, name: str, node: Node) -> None:
    """A whole instance on one node."""
    wish = PlacementRequest(instance_id=InstanceId(name), model_id=cluster.model, nodes=(node.node_id,))
    await cluster.nodes[0].add_model(cluster.model)
    await cluster.nodes[0].submit(PlaceInstance(command_id=CommandId(f"place {name}"), request=wish))


async def until_ready(node: Node, *names: str) -> None:
    async with asyncio.timeout(PATIENCE_S), aclosing(node.changes()) as changes:
        async for _ in changes:
            known = [InstanceId(name) for name in names if name in node.state.instances]
            if len(known) == len(names) and all(node.instance_status(name)[0] == "ready" for name in known):
                return


def running_pids(node: Node, name: str) -> set[int]:
    """The processes of an instance's runners, as this node has heard."""
    runners = [runner for told in node.telemetry.nodes.values() for runner in told.runners]
    return {runner.pid for runner in runners if runner.instance_id == name and runner.pid}


def kill_runner(node: Node, name: str) -> Fault:
    """Kill the instance's runner, which may still be starting; called again, the next one."""
    killed = set[int]()

    async def kill() -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not (alive := running_pids(node, name) - killed):  # noqa: ASYNC110 - telemetry comes when it comes
                await asyncio.sleep(0.02)
        for pid in alive:
            os.kill(pid, signal.SIGKILL)
        killed.update(alive)

    return kill


async def collect(answers: AsyncGenerator[Answer], faults: dict[int, Fault] | None = None) -> list[Answer]:
    """All answers; after so many chunks the fault happens."""
    found: list[Answer] = []
    async with asyncio.timeout(PATIENCE_S), aclosing(answers):
        async for answer in answers:
            found.append(answer)
            fault = (faults or {}).get(sum(isinstance(one, Chunk) for one in found))
            if fault is not None and isinstance(answer, Chunk):
                await fault()
    return found


def chunks_of(answers: list[Answer]) -> list[Chunk]:
    """The chunks, as an engine to which nothing happened would have numbered them."""
    return [answer.model_copy(update={"attempt": 0}) for answer in answers if isinstance(answer, Chunk)]


@pytest.mark.parametrize("fields", [{}, {"choices": 2, "stop": ("four five six seven on",)}])
@pytest.mark.parametrize("at", [1, 15])
async def test_a_runner_dies_and_a_replica_goes_on(tmp_path: Path, fields: dict[str, object], at: int) -> None:
    witness, asked = Witness(), request(**fields)
    async with memory_cluster(2, tmp_path, echo=SLOW, plugins={"witness": witness}) as two:
        alpha, beta = two.nodes
        await place(two, "i-a", alpha)
        await place(two, "i-b", beta)
        await until_ready(alpha, "i-a", "i-b")
        answers = await collect(alpha.generate(asked, two.model), {at: kill_runner(alpha, "i-a")})
    assert chunks_of(answers) == expected(asked)
    assert [type(answer) for answer in answers].count(Accepted) == 1
    (replayed,) = witness.replays
    assert (replayed.subject, replayed.detail) == ("r", "instance_lost")
    assert at <= (replayed.count or 0) < len(expected(asked)), "it happened in the middle"


async def test_the_only_runner_dies_and_goes_on_when_it_is_back(tmp_path: Path) -> None:
    asked = request(max_tokens=100)
    async with memory_cluster(1, tmp_path, echo=SLOW) as one:
        (node,) = one.nodes
        await place(one, "i", node)
        kill = kill_runner(node, "i")
        answers = await collect(node.generate(asked, one.model), {5: kill, 20: kill})
    assert chunks_of(answers) == expected(asked)


async def test_after_three_attempts_the_client_is_told(tmp_path: Path) -> None:
    asked = request(max_tokens=2000)
    async with memory_cluster(1, tmp_path, echo=SLOW) as one:
        (node,) = one.nodes
        await place(one, "i", node)
        await until_ready(node, "i")
        kill = kill_runner(node, "i")
        answers = await collect(node.generate(asked, one.model), {3: kill, 9: kill, 15: kill})
    assert chunks_of(answers) == expected(asked)[: len(chunks_of(answers))]
    assert isinstance(answers[-1], Failed), answers[-1]
    assert answers[-1].code == "instance_lost"
    assert "3 attempts" in answers[-1].message


async def test_an_instance_that_a_person_removes_is_not_placed_again(tmp_path: Path) -> None:
    async with memory_cluster(1, tmp_path, echo=SLOW) as one:
        (node,) = one.nodes
        await place(one, "i", node)
        await until_ready(node, "i")

        async def remove() -> None:
            await node.submit(DeleteInstance(command_id=CommandId("remove"), instance_id=InstanceId("i")))

        answers = await collect(node.generate(request(), one.model), {5: remove})
        assert not node.state.instances
    assert isinstance(answers[-1], Failed)
    assert "was removed" in answers[-1].message


@pytest.mark.parametrize("how", ["killed", "stopped", "cut off"])
async def test_the_heads_node_is_gone_and_another_ones_replica_goes_on(tmp_path: Path, how: str) -> None:
    witness, asked = Witness(), request(max_tokens=200)
    async with memory_cluster(3, tmp_path, echo=SLOW, plugins={"witness": witness}) as three:
        alpha, beta, gamma = three.nodes
        await place(three, "i-b", beta)
        await place(three, "i-c", gamma)
        await until_ready(alpha, "i-b", "i-c")

        async def lose_beta() -> None:
            match how:
                case "killed":
                    three.network.kill(beta.node_id)
                case "stopped":
                    await three.stop(beta)
                case _:
                    three.network.partition(alpha.node_id, beta.node_id)

        answers = await collect(alpha.generate(asked, three.model), {2: lose_beta})
    assert chunks_of(answers) == expected(asked)
    assert [told.detail for told in witness.replays] == ["stopping" if how == "stopped" else "instance_lost"]


async def test_a_runner_stalls_and_a_replica_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exo_core.gateway.standstill.SHORTEST_STALL_S", 2.0)  # the supervisor's patience is 10 s
    witness, asked = Witness(), request(choices=2, stop=("four five six seven on",))
    async with memory_cluster(2, tmp_path, echo=SLOW, plugins={"witness": witness}) as two:
        alpha, beta = two.nodes
        await place(two, "i-a", alpha)
        await place(two, "i-b", beta)
        await until_ready(alpha, "i-a", "i-b")
        (pid,) = running_pids(alpha, "i-a")

        async def stall() -> None:
            os.kill(pid, signal.SIGSTOP)

        answers = await collect(alpha.generate(asked, two.model), {3: stall})
    assert chunks_of(answers) == expected(asked)
    assert "stalled" in [told.detail for told in witness.replays]


async def test_a_replica_goes_on_when_a_person_removes_the_instance_that_answers(tmp_path: Path) -> None:
    asked = request(max_tokens=200)
    async with memory_cluster(2, tmp_path, echo=SLOW) as two:
        alpha, beta = two.nodes
        await place(two, "i-a", alpha)
        await place(two, "i-b", beta)
        await until_ready(alpha, "i-a", "i-b")

        async def remove() -> None:
            await alpha.submit(DeleteInstance(command_id=CommandId("remove"), instance_id=InstanceId("i-a")))

        answers = await collect(alpha.generate(asked, two.model), {3: remove})
    assert chunks_of(answers) == expected(asked)


async def test_streams_outlive_a_change_of_master(tmp_path: Path) -> None:
    """The one that runs does not notice; one that comes right after it is answered, under the new epoch."""
    witness, asked = Witness(), request(max_tokens=300)
    async with memory_cluster(3, tmp_path, echo=SLOW, plugins={"witness": witness}) as three:
        master = next(node for node in three.nodes if node.node_id == three.nodes[0].master_id)
        front, holder = (node for node in three.nodes if node is not master)
        await place(three, "i", holder)
        await until_ready(front, "i")
        term = front.epoch.term

        async def change_masters() -> None:
            for node in (front, holder):
                three.network.partition(master.node_id, node.node_id)
            async with asyncio.timeout(PATIENCE_S), aclosing(front.changes()) as changes:
                async for _ in changes:
                    if front.master_id not in (None, master.node_id):
                        return

        answers = await collect(front.generate(asked, three.model), {3: change_masters})
        later = await collect(front.generate(request(request_id=RequestId("later")), three.model))
        assert front.epoch.term > term
    assert chunks_of(answers) == expected(asked)
    assert chunks_of(later) == expected(request())
    assert "r" not in [told.subject for told in witness.replays]
