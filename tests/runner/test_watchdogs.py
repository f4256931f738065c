"""A runner that hangs, wherever it does, is noticed, ended with words that say why, and started again."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from exo_core.identifiers import RequestId
from exo_core.requests import Answer, Chunk, Failed, Generate, Sampling, TextPrompt
from exo_core.runner.patience import Patience
from exo_core.runner.supervisor import RunnerSupervisor
from exo_core.testing.echo_model import EchoConfig

if TYPE_CHECKING:
    from conftest import Workshop

PATIENCE_S = 90
SHORT = Patience(load=2, prefill=2, decode=2, leave_ring=2)
FOR_EVER = Sampling(ignore_eos=True)


async def ask(supervisor: RunnerSupervisor, workshop: Workshop, *, tokens: int) -> list[Answer]:
    request = Generate(request_id=RequestId("r"), prompt=TextPrompt(text="a b"), sampling=FOR_EVER, max_tokens=tokens)
    async with aclosing(supervisor.generate(request, workshop.epoch)) as answers:
        return [answer async for answer in answers]


def details(workshop: Workshop) -> str:
    return "\n".join(detail for _, _, detail in workshop.history)


def ready(workshop: Workshop) -> bool:
    return all(supervisor.is_ready for supervisor in workshop.supervisors)


async def test_a_process_that_is_stopped_is_replaced(workshop: Workshop) -> None:
    supervisor = workshop.supervise(EchoConfig(seconds_per_token=0.01, context=10**6), patience=Patience(process=3))
    await workshop.until(lambda: ready(workshop))
    pid = supervisor.telemetry.pid
    request = Generate(request_id=RequestId("r"), prompt=TextPrompt(text="a b"), sampling=FOR_EVER, max_tokens=10**5)
    answers: list[Answer] = []
    async with aclosing(supervisor.generate(request, workshop.epoch)) as generator:
        async for answer in generator:
            answers.append(answer)
            if len(answers) == 5:
                os.kill(pid, signal.SIGSTOP)
    assert isinstance(answers[-1], Failed)
    assert answers[-1].code == "instance_lost"
    await workshop.until(lambda: ready(workshop), timeout=PATIENCE_S)
    assert supervisor.telemetry.pid != pid
    assert "its process gave no sign of life for 3 s" in details(workshop)
    assert isinstance((await ask(supervisor, workshop, tokens=3))[-1], Chunk)


async def test_a_node_that_was_held_up_blames_no_runner(workshop: Workshop) -> None:
    supervisor = workshop.supervise(patience=Patience(process=2))
    await workshop.until(lambda: ready(workshop))
    pid = supervisor.telemetry.pid
    time.sleep(3)  # noqa: ASYNC251 - as if this process had been stopped
    assert isinstance((await ask(supervisor, workshop, tokens=3))[-1], Chunk)
    assert supervisor.telemetry.pid == pid
    assert [status for _, status, _ in workshop.history].count("starting") == 1


async def test_an_engine_that_hangs_in_an_answer_is_replaced(workshop: Workshop) -> None:
    supervisor = workshop.supervise(EchoConfig(fault="hang_in_answer"), patience=SHORT)
    await workshop.until(lambda: ready(workshop))
    pid = supervisor.telemetry.pid
    answers = await ask(supervisor, workshop, tokens=10)
    assert len([answer for answer in answers if isinstance(answer, Chunk)]) == 3, "two went to the warm-up"
    assert isinstance(answers[-1], Failed)
    assert answers[-1].code == "instance_lost"
    await workshop.until(lambda: ready(workshop), timeout=PATIENCE_S)
    assert supervisor.telemetry.pid != pid
    assert "requests have made no progress for 2 s" in details(workshop)


async def test_of_two_stages_the_one_that_hangs_is_replaced(workshop: Workshop) -> None:
    workshop.transports, workshop.listen = ("tcp",), "127.0.0.1:0"
    for stage in range(2):
        workshop.supervise(EchoConfig(fault="hang_in_stage"), stages=2, stage=stage, patience=SHORT)
    head, tail = workshop.supervisors
    await workshop.until(lambda: ready(workshop))
    pids = [head.telemetry.pid, tail.telemetry.pid]
    answers = await ask(head, workshop, tokens=10)
    assert isinstance(answers[-1], Failed)
    assert answers[-1].code == "instance_lost"
    await workshop.until(lambda: ready(workshop) and tail.telemetry.pid != pids[1], timeout=PATIENCE_S)
    assert head.telemetry.pid == pids[0], "it keeps its weights"
    assert "the engine still holds on to links that broke, after 2 s" in details(workshop)
    assert isinstance((await ask(head, workshop, tokens=3))[-1], Chunk)


async def test_a_load_that_hangs_every_time_fails_with_the_reason(workshop: Workshop) -> None:
    supervisor = workshop.supervise(EchoConfig(fault="hang_on_load"), patience=SHORT)
    await workshop.until(lambda: supervisor.telemetry.status == "failed", timeout=PATIENCE_S)
    assert "3 times" in supervisor.telemetry.detail
    assert "loading the model has not moved for 2 s" in supervisor.telemetry.detail


@pytest.mark.parametrize("status", ["loading", "ready"])
async def test_a_process_that_hears_nothing_is_ended_by_force(workshop: Workshop, status: str) -> None:
    supervisor = workshop.supervise(EchoConfig(fault="hang_on_load" if status == "loading" else "none"))
    await workshop.until(lambda: supervisor.telemetry.pid > 0 and (status == "loading" or supervisor.is_ready))
    os.kill(supervisor.telemetry.pid, signal.SIGSTOP)
    async with asyncio.timeout(20):  # far less than what a process that loads is given
        await supervisor.stop()
    assert supervisor.telemetry.status == "stopped"
