"""One runner in a real process: served, cancelled, killed, restarted, given up, stopped."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from exo_core.identifiers import Epoch, NodeId, RequestId
from exo_core.requests import Accepted, Answer, Chunk, Failed, Generate, Refused, Sampling, TextPrompt
from exo_core.runner.messages import CachesTake
from exo_core.runner.supervisor import RunnerSupervisor
from exo_core.testing.echo_model import EchoConfig

if TYPE_CHECKING:
    from conftest import Workshop

OLDER = Epoch(term=4, master_id=NodeId("z"))


def ask(text: str, **fields: object) -> Generate:
    return Generate.model_validate({"request_id": RequestId(text), "prompt": TextPrompt(text=text), **fields})


async def answers_to(supervisor: RunnerSupervisor, request: Generate, epoch: Epoch) -> list[Answer]:
    async with aclosing(supervisor.generate(request, epoch)) as answers:
        return [answer async for answer in answers]


def text_of(answers: list[Answer]) -> str:
    return "".join(answer.text for answer in answers if isinstance(answer, Chunk))


async def test_a_runner_gets_ready_and_answers(workshop: Workshop) -> None:
    supervisor = workshop.supervise()
    await workshop.until(lambda: supervisor.is_ready)
    answers = await answers_to(supervisor, ask("one two three"), workshop.epoch)
    assert isinstance(answers[0], Accepted)
    assert text_of(answers) == "one two three"
    assert supervisor.telemetry.pid > 0
    assert supervisor.telemetry.generation == ("placement-1", 1, 1)
    statuses = [status for _, status, _ in workshop.history]
    assert [status for at, status in enumerate(statuses) if status != statuses[at - 1]][:4] == [
        "starting",
        "loading",
        "warming_up",
        "ready",
    ]


async def test_closing_the_answers_cancels_the_request(workshop: Workshop) -> None:
    supervisor = workshop.supervise(EchoConfig(seconds_per_token=0.01, context=10**6))
    await workshop.until(lambda: supervisor.is_ready)
    endless = ask("for ever", sampling=Sampling(ignore_eos=True), max_tokens=10**5)
    async with aclosing(supervisor.generate(endless, workshop.epoch)) as answers:
        async for answer in answers:
            if isinstance(answer, Chunk):
                assert supervisor.telemetry.status == "busy"
                break
    async with asyncio.timeout(10):
        assert text_of(await answers_to(supervisor, ask("next"), workshop.epoch)) == "next"
    assert supervisor.telemetry.status == "ready"


async def test_requests_run_side_by_side(workshop: Workshop) -> None:
    supervisor = workshop.supervise()
    await workshop.until(lambda: supervisor.is_ready)
    texts = [f"request number {number}" for number in range(5)]
    answered = await asyncio.gather(*(answers_to(supervisor, ask(text), workshop.epoch) for text in texts))
    assert [text_of(answers) for answers in answered] == texts


async def test_a_killed_runner_is_started_again_and_serves(workshop: Workshop) -> None:
    supervisor = workshop.supervise(EchoConfig(seconds_per_token=0.01, context=10**6))
    await workshop.until(lambda: supervisor.is_ready)
    endless = ask("for ever", sampling=Sampling(ignore_eos=True), max_tokens=10**5)
    collected = list[Answer]()
    async with aclosing(supervisor.generate(endless, workshop.epoch)) as answers:
        async for answer in answers:
            collected.append(answer)
            if len(collected) == 5:
                os.kill(supervisor.telemetry.pid, signal.SIGKILL)
    assert isinstance(collected[-1], Failed)
    assert collected[-1].code == "instance_lost"
    await workshop.until(lambda: supervisor.is_ready)
    assert any("SIGKILL" in detail for _, _, detail in workshop.history)
    assert text_of(await answers_to(supervisor, ask("again"), workshop.epoch)) == "again"
    assert supervisor.telemetry.generation == ("placement-1", 2, 1)


async def test_three_crashes_in_a_minute_are_enough(workshop: Workshop, tmp_path: Path) -> None:
    supervisor = workshop.supervise(EchoConfig(fault="die_on_load"))
    await workshop.until(lambda: supervisor.telemetry.status == "failed")
    detail = supervisor.telemetry.detail
    assert "3 times within a minute" in detail
    assert "status 3" in detail
    assert "the echo model was told to die" in detail
    assert (tmp_path / "runner-0.log").read_text().count("the echo model was told to die") == 3
    answers = await answers_to(supervisor, ask("anyone"), workshop.epoch)
    assert isinstance(answers[0], Failed)


async def test_a_load_that_is_refused_is_not_tried_again(workshop: Workshop) -> None:
    supervisor = workshop.supervise(EchoConfig(fault="refuse_to_load"))
    await workshop.until(lambda: supervisor.telemetry.status == "failed")
    assert supervisor.telemetry.detail == "the echo model was told to refuse to load"
    assert [status for _, status, _ in workshop.history].count("starting") == 1


async def test_a_runner_says_what_its_caches_take_and_takes_another_number_also_after_a_crash(
    workshop: Workshop,
) -> None:
    supervisor = workshop.supervise()
    supervisor.resize_caches(7000)
    await workshop.until(lambda: supervisor.is_ready)
    assert CachesTake(kv_bytes=7000, can_change=True) in workshop.caches
    supervisor.resize_caches(5000)
    await workshop.until(lambda: workshop.caches[-1] == CachesTake(kv_bytes=5000, can_change=True))
    workshop.caches.clear()
    os.kill(supervisor.telemetry.pid, signal.SIGKILL)
    await workshop.until(lambda: supervisor.is_ready and supervisor.telemetry.generation == ("placement-1", 2, 1))
    assert {taken.kv_bytes for taken in workshop.caches} == {5000}


async def test_an_older_epoch_is_refused(workshop: Workshop) -> None:
    supervisor = workshop.supervise()
    await workshop.until(lambda: supervisor.is_ready)
    (refused,) = await answers_to(supervisor, ask("late"), OLDER)
    assert isinstance(refused, Refused)
    assert (refused.status, refused.code) == (503, "fenced")
    newer = Epoch(term=6, master_id=NodeId("a"))
    assert text_of(await answers_to(supervisor, ask("new"), newer)) == "new"
    (refused,) = await answers_to(supervisor, ask("old"), workshop.epoch)
    assert isinstance(refused, Refused)


@pytest.mark.parametrize("fault", ["none", "hang_on_load"])
async def test_stop_ends_the_process(workshop: Workshop, fault: str) -> None:
    supervisor = workshop.supervise(EchoConfig.model_validate({"fault": fault}))
    await workshop.until(lambda: supervisor.telemetry.pid > 0)
    process = psutil.Process(supervisor.telemetry.pid)
    async with asyncio.timeout(2.5):
        await supervisor.stop()
    assert not process.is_running()
    assert supervisor.telemetry.status == "stopped"


async def test_the_environment_holds_no_secret(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXO_SECRET", "ab" * 32)
    monkeypatch.setenv("EXO_API_KEY", "a key")
    monkeypatch.setenv("HF_TOKEN", "a token")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    supervisor = workshop.supervise()
    await workshop.until(lambda: supervisor.is_ready)
    process = psutil.Process(supervisor.telemetry.pid)
    environment = process.environ()
    assert not {"EXO_SECRET", "EXO_API_KEY", "HF_TOKEN"} & environment.keys()
    assert environment["OPENBLAS_NUM_THREADS"] == "1"
    assert environment["OMP_NUM_THREADS"] == "7"
    told = " ".join([*process.cmdline(), *environment.values()])
    assert "PRIVATE KEY" not in told
    assert "ab" * 32 not in told
