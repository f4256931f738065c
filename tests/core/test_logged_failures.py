"""What the log says of work that fails holds nothing of a prompt, whichever part of a node did that work."""

from __future__ import annotations

import asyncio
import errno
import gc
from collections.abc import Awaitable, Callable

import pytest
from pydantic import TypeAdapter

from exo_core.errors import CallFailed
from exo_core.frozen import Frozen
from exo_core.identifiers import NodeId
from exo_core.link_handlers import LinkHandlers
from exo_core.loop_failures import log_without_words
from exo_core.messaging import Call, Topic
from exo_core.raised_at import raised_at
from exo_core.router.handlers import Handlers
from exo_core.task_scope import TaskScope
from exo_core.testing.memory_faults import Faults
from exo_core.testing.memory_links import MemoryLink
from exo_core.testing.memory_pipe import Pipe
from exo_core.transports import Peer

SECRET = "my password is hunter2"
SENDER = NodeId("sender")


class Said(Frozen):
    """A message of the kind that a prompt is in."""

    text: str


SAID = TypeAdapter(Said)


def fail(*_: object) -> None:
    """As pydantic does, which quotes what it does not like."""
    Said.model_validate({"text": [SECRET]})


async def fail_later(*_: object) -> None:
    fail()


async def in_a_task() -> None:
    async with TaskScope() as scope:
        task = scope.start(fail_later(), "a request")
        assert task is not None
        with pytest.raises(ValueError, match="hunter2"):
            await task


async def in_a_message() -> None:
    handlers = Handlers()
    handlers.on_message(Topic("talk", SAID), fail)
    assert handlers.take(SENDER, "talk", Said(text=SECRET))


async def in_a_question() -> None:
    handlers = Handlers()
    handlers.on_call(Call("ask", SAID, TypeAdapter(None)), fail_later)
    with pytest.raises(CallFailed):
        await handlers.answer(SENDER, "ask", Said(text=SECRET))


async def on_a_link() -> None:
    handlers = LinkHandlers(fail_later)
    there, back = (Pipe(Faults(1), SENDER, SENDER) for _ in range(2))
    handlers.hand_over(MemoryLink(Peer(node_id=SENDER, role="node"), "memory:", there, back))
    await handlers.close()


async def nowhere_in_particular() -> None:
    log_without_words()
    task = asyncio.create_task(fail_later())
    await asyncio.wait((task,))
    del task
    gc.collect()
    asyncio.get_running_loop().call_soon(fail, SECRET)
    await asyncio.sleep(0)


@pytest.mark.parametrize("work", [in_a_task, in_a_message, in_a_question, on_a_link, nowhere_in_particular])
async def test_it_says_what_kind_of_failure_and_where_and_not_what_it_quotes(
    work: Callable[[], Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    await work()
    assert "ValidationError at " in caplog.text
    assert " fail" in caplog.text, "the frame"
    assert SECRET not in caplog.text
    assert all(record.exc_info is None for record in caplog.records)


def test_of_a_group_it_says_what_is_in_it_and_of_the_system_its_own_word() -> None:
    full = OSError(errno.ENOSPC, SECRET)
    told = raised_at(ExceptionGroup(SECRET, [full, ValueError(SECRET)]))
    assert told.startswith("ExceptionGroup at ")
    assert "OSError (No space left on device) at " in told
    assert "ValueError at " in told
    assert SECRET not in told
