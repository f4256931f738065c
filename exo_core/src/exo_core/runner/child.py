"""The runner's process: its main thread obeys the pipe, its engine thread computes; when the pipe ends, all ends."""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import signal
import socket
import sys
import threading
from typing import NoReturn

from exo_core.errors import LinkClosed, WireError
from exo_core.loop_failures import log_without_words
from exo_core.raised_at import raised_at
from exo_core.runner.messages import ChooseParts, Describe, FromRunner, Probe, Start
from exo_core.runner.one_shot_work import answer_one
from exo_core.runner.pipe import RunnerPipe, runner_end
from exo_core.runner.shard_runner import ShardRunner

logger = logging.getLogger(__name__)


def main(descriptor: int) -> NoReturn:
    """Serve the node at the other end of this socket, then end the process, whatever its threads still do."""
    faulthandler.enable()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C is for the node, which ends us by closing the pipe
    status = 1
    try:
        status = asyncio.run(_serve(descriptor))
    except BaseException as problem:  # the last words, before the process goes
        logger.error("the runner failed: %s", raised_at(problem))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


async def _serve(descriptor: int) -> int:
    log_without_words()
    pipe = await runner_end(socket.socket(fileno=descriptor))
    try:
        first = await pipe.receive()
        if isinstance(first, Start):
            return await ShardRunner(pipe, first).run()
        if isinstance(first, Probe | Describe | ChooseParts):
            await _answer_one(pipe, first)
            return 0
        logger.error("a runner's first message cannot be %s", first.type)
    except LinkClosed:
        return 0  # the node is gone before it wanted anything
    except WireError as problem:
        logger.error("the node sent what no node sends: %s", problem)  # it quotes nothing
    return 1


async def _answer_one(pipe: RunnerPipe, question: Probe | Describe | ChooseParts) -> None:
    """Work in a thread, so that the end of the pipe ends the process at any time."""
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[FromRunner] = loop.create_future()

    def work() -> None:
        loop.call_soon_threadsafe(answered.set_result, answer_one(question))

    threading.Thread(target=work, name="one-shot", daemon=True).start()
    closing = asyncio.ensure_future(pipe.receive())
    await asyncio.wait((answered, closing), return_when=asyncio.FIRST_COMPLETED)
    if answered.done():
        pipe.send(answered.result())
        await pipe.close()
    closing.cancel()
