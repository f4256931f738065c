"""Stages in processes of their own, linked by mutual TLS: they find each other, lose each other, and find again."""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import sys
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exo_core.errors import LinkClosed
from exo_core.identifiers import RequestId, RunnerId
from exo_core.identity.leaf import certify_runner, runner_identity
from exo_core.plugins.manager import Plugins
from exo_core.requests import Answer, Chunk, Failed, Generate, Sampling, TextPrompt
from exo_core.testing import echo_plugin
from exo_core.testing.echo_model import EchoConfig
from exo_core.transports import BlockingLink, Ticket, TransportContext
from exo_transport_tcp.transport import TcpTransport

if TYPE_CHECKING:
    from conftest import Workshop


@pytest.fixture
def linked(workshop: Workshop) -> Workshop:
    workshop.transports = ("tcp",)
    workshop.listen = "127.0.0.1:0"
    return workshop


def everybody_ready(workshop: Workshop) -> bool:
    return all(supervisor.is_ready for supervisor in workshop.supervisors)


async def say(workshop: Workshop, text: str) -> str:
    request = Generate(request_id=RequestId(text), prompt=TextPrompt(text=text))
    async with aclosing(workshop.supervisors[0].generate(request, workshop.epoch)) as answers:
        return "".join([answer.text async for answer in answers if isinstance(answer, Chunk)])


@pytest.mark.parametrize("stages", [2, 3])
async def test_stages_find_each_other_and_answer(linked: Workshop, stages: int) -> None:
    for stage in range(stages):
        linked.supervise(stages=stages, stage=stage)
    await linked.until(lambda: everybody_ready(linked))
    assert await say(linked, "from one end to the other") == "from one end to the other"


@pytest.mark.parametrize("killed", [0, 1])
async def test_a_stage_that_dies_is_found_again(linked: Workshop, killed: int) -> None:
    for stage in range(2):
        linked.supervise(EchoConfig(seconds_per_token=0.01, context=10**6), stages=2, stage=stage)
    await linked.until(lambda: everybody_ready(linked))
    pids = [supervisor.telemetry.pid for supervisor in linked.supervisors]
    collected = await interrupted(linked, lambda: os.kill(pids[killed], signal.SIGKILL))
    assert isinstance(collected[-1], Failed)
    assert collected[-1].code == "instance_lost"
    await linked.until(lambda: not everybody_ready(linked))
    await linked.until(lambda: everybody_ready(linked))
    assert await say(linked, "again") == "again"
    survivor = 1 - killed
    assert linked.supervisors[survivor].telemetry.pid == pids[survivor]
    assert linked.supervisors[killed].telemetry.pid != pids[killed]


async def interrupted(workshop: Workshop, interrupt: Callable[[], None]) -> list[Answer]:
    request = Generate(
        request_id=RequestId("for ever"),
        prompt=TextPrompt(text="for ever"),
        sampling=Sampling(ignore_eos=True),
        max_tokens=10**5,
    )
    collected = list[Answer]()
    async with asyncio.timeout(20), aclosing(workshop.supervisors[0].generate(request, workshop.epoch)) as answers:
        async for answer in answers:
            collected.append(answer)
            if len(collected) == 10:
                interrupt()
    return collected


async def test_a_runner_that_is_no_neighbour_is_turned_away(linked: Workshop) -> None:
    for stage in range(2):
        linked.supervise(stages=2, stage=stage)
    await linked.until(lambda: everybody_ready(linked))
    stranger = await asyncio.to_thread(lambda: stranger_link(linked))
    with pytest.raises(LinkClosed):
        await asyncio.to_thread(stranger.receive, 10)
    assert await say(linked, "nobody noticed") == "nobody noticed"
    assert "warming_up" not in [status for _, status, _ in linked.history[-2:]]


def stranger_link(workshop: Workshop) -> BlockingLink:
    """A link from a runner of this very cluster that is no part of the instance."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    certificate = certify_runner(workshop.authority, workshop.node_key, RunnerId("stranger"), public)
    transport = TcpTransport(TransportContext(identity=runner_identity(certificate, key)))
    return transport.connect_blocking(Ticket(workshop.supervisors[1].tickets[0]))


async def test_keys_stay_in_the_runner(linked: Workshop) -> None:
    """What a runner is started with, and what its node hears of it, holds no private key and no secret."""
    for stage in range(2):
        linked.supervise(stages=2, stage=stage)
    await linked.until(lambda: everybody_ready(linked))
    process = psutil.Process(linked.supervisors[0].telemetry.pid)
    seen = " ".join(
        [*process.cmdline(), *process.environ().values(), linked.supervisors[0].telemetry.model_dump_json()]
    )
    assert "PRIVATE" not in seen
    assert (b"\7" * 32).hex() not in seen


async def test_a_transport_without_links_for_threads_will_do(linked: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(__file__).parent / "importable"
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    monkeypatch.setenv("PYTHONPATH", str(folder))
    plugin = importlib.import_module("asyncio_only")
    linked.plugins = Plugins(built_in={"echo": echo_plugin, "asyncio-only": plugin}, points=())
    linked.transports = ("asyncio-only",)
    for stage in range(2):
        linked.supervise(EchoConfig(seconds_per_token=0.01, context=10**6), stages=2, stage=stage)
    await linked.until(lambda: everybody_ready(linked))
    assert all(ticket.startswith("asyncio-only://") for ticket in linked.supervisors[0].tickets)
    assert await say(linked, "by way of a loop") == "by way of a loop"
    pid = linked.supervisors[1].telemetry.pid
    assert isinstance((await interrupted(linked, lambda: os.kill(pid, signal.SIGKILL)))[-1], Failed)
    await linked.until(lambda: not everybody_ready(linked))
    await linked.until(lambda: everybody_ready(linked))
    assert await say(linked, "again") == "again"
