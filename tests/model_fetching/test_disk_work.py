"""Work in a thread is not left behind, and what the disk refuses is told."""

from __future__ import annotations

import asyncio
import errno
import threading
import time

import pytest

from exo_core.errors import ModelError
from exo_core.model_fetching.disk_work import in_thread


async def test_its_result_is_given_and_what_the_disk_refuses_is_told() -> None:
    def refuse() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/models/a")

    assert await in_thread(lambda: 7) == 7
    with pytest.raises(ModelError, match=r"/models/a cannot be written: No space left on device\. Free some space"):
        await in_thread(refuse)


@pytest.mark.parametrize("cancellations", [1, 2, 5])
@pytest.mark.parametrize("fails", [False, True])
async def test_it_is_waited_for_however_often_one_is_cancelled(cancellations: int, fails: bool) -> None:
    go_on, ended = threading.Event(), threading.Event()

    def work() -> None:
        assert go_on.wait(10)
        ended.set()
        if fails:
            raise OSError(errno.EIO, "Input/output error")

    waiting = asyncio.create_task(in_thread(work))
    for _ in range(cancellations):
        await asyncio.sleep(0.01)
        waiting.cancel()
    await asyncio.wait([waiting], timeout=0.05)
    assert not waiting.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert ended.is_set()


def test_a_loop_that_ends_waits_for_it() -> None:
    """What cancels all tasks at the end of a program reaches none that stands for the thread."""
    begun, steps = threading.Event(), list[str]()

    def work() -> None:
        begun.set()
        time.sleep(0.2)
        steps.append("the thread's end")

    async def cut_off() -> None:
        try:
            await in_thread(work)
        finally:
            steps.append("what follows")

    async def program() -> None:
        cut = asyncio.create_task(cut_off())
        assert await asyncio.to_thread(begun.wait, 10)
        assert not cut.done()

    asyncio.run(program())
    assert steps == ["the thread's end", "what follows"]
