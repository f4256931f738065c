"""Whole models that a person wants on a machine's disk: begun and cancelled, here and on other members."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final, final

from exo_core.errors import CallFailed, LinkClosed, ModelError, WireError
from exo_core.identifiers import ModelId, NodeId
from exo_core.manifests import Manifest
from exo_core.messaging import Messenger
from exo_core.node.arrivals import Arrivals
from exo_core.node.download_calls import (
    CANCEL_DOWNLOAD,
    START_DOWNLOAD,
    DownloadAnswer,
    DownloadUnwanted,
    DownloadWanted,
)
from exo_core.node.model_library import ModelLibrary
from exo_core.node.shard_files import ShardFiles
from exo_core.task_scope import TaskScope

logger = logging.getLogger(__name__)

ASKING_S: Final = 10.0


@final
class Downloads:
    """Belongs to the node's event loop. It is no error to begin what runs or is there, nor to cancel what does not."""

    def __init__(self, messenger: Messenger, *, library: ModelLibrary, files: ShardFiles, arrivals: Arrivals) -> None:
        self._messenger = messenger
        self._library = library
        self._files = files
        self._arrivals = arrivals
        self._tasks = TaskScope()
        self._running: dict[ModelId, asyncio.Task[None]] = {}
        messenger.on_call(START_DOWNLOAD, self._start)
        messenger.on_call(CANCEL_DOWNLOAD, self._cancel)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Bring what is asked for while the context is open."""
        async with self._tasks:
            yield

    async def start(self, node_id: NodeId, manifest: Manifest) -> None:
        """Have a member begin; returns as soon as it has. Raises `ModelError`."""
        question = DownloadWanted(manifest=manifest)
        try:
            answer = await self._messenger.ask(node_id, START_DOWNLOAD, question, timeout=ASKING_S)
        except (LinkClosed, TimeoutError, CallFailed, WireError) as problem:
            raise _unheard(node_id, problem) from problem
        _check(answer)

    async def cancel(self, node_id: NodeId, model_id: ModelId) -> None:
        """Have a member stop. Raises `ModelError`."""
        question = DownloadUnwanted(model_id=model_id)
        try:
            answer = await self._messenger.ask(node_id, CANCEL_DOWNLOAD, question, timeout=ASKING_S)
        except (LinkClosed, TimeoutError, CallFailed, WireError) as problem:
            raise _unheard(node_id, problem) from problem
        _check(answer)

    async def _start(self, sender: NodeId, wanted: DownloadWanted) -> DownloadAnswer:
        del sender
        manifest = wanted.manifest
        if not self._library.ways_to(manifest):
            reason = f"{manifest.model_id} comes from the source '{manifest.source}', which is not installed there"
            return DownloadAnswer(refused=reason)
        if await asyncio.to_thread(self._library.local_folder, manifest) is not None:
            self._arrivals.forget(manifest.model_id)
        elif manifest.model_id not in self._running:
            self._begin(manifest)
        return DownloadAnswer()

    def _begin(self, manifest: Manifest) -> None:
        task = self._tasks.start(self._bring(manifest), f"downloading {manifest.model_id}")
        if task is not None:
            self._arrivals.expect(manifest)
            self._running[manifest.model_id] = task
            task.add_done_callback(lambda _: self._running.pop(manifest.model_id, None))

    async def _bring(self, manifest: Manifest) -> None:
        try:
            await self._files.complete(manifest)
        except ModelError as problem:
            logger.warning("%s", problem)
        except asyncio.CancelledError:
            self._arrivals.give_up(manifest)
            raise
        except Exception:
            logger.exception("downloading %s broke", manifest.model_id)
            self._arrivals.fail(manifest)

    async def _cancel(self, sender: NodeId, unwanted: DownloadUnwanted) -> DownloadAnswer:
        del sender
        task = self._running.get(unwanted.model_id)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        if self._arrivals.is_arriving(unwanted.model_id):
            reason = (
                f"{unwanted.model_id} is still fetched for an instance that is placed there; to take that back: "
                "exo remove INSTANCE"
            )
            return DownloadAnswer(refused=reason)
        return DownloadAnswer()


def _check(answer: DownloadAnswer) -> None:
    if answer.refused is not None:
        raise ModelError(answer.refused)


def _unheard(node_id: NodeId, problem: Exception) -> ModelError:
    message = f"the machine {node_id} does not answer ({str(problem) or 'no answer in time'}). See: exo status"
    return ModelError(message)
