"""From a model's name to a catalogue entry and to an instance: resolve, describe, have the master decide."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import final

from exo_core.errors import ModelError, NoMaster, RequestRefused
from exo_core.identifiers import CommandId, InstanceId, ModelId
from exo_core.node.model_library import ModelLibrary
from exo_core.placement import PlacementRequest
from exo_core.state.commands import AddModel, Command, CommandAccepted, CommandAnswer, CommandRefused, EnsureInstance
from exo_core.state.state import State

logger = logging.getLogger(__name__)

Submit = Callable[[Command], Awaitable[CommandAnswer]]


@final
class ModelService:
    """What a node does about models besides holding them."""

    def __init__(self, *, library: ModelLibrary, submit: Submit, state: Callable[[], State]) -> None:
        self._library = library
        self._submit = submit
        self._state = state

    async def add(self, model_id: ModelId) -> CommandAnswer:
        """Enter a model into the catalogue unless it is there in the same revision. Raises `ModelError`."""
        manifest = await self._library.resolve(model_id)
        known = self._state().models.get(model_id)
        if known is not None and known.manifest.revision == manifest.revision:
            return CommandAccepted(command_id=new_command_id(), index=0)
        card = await self._library.describe(manifest)
        return await self._submit(AddModel(command_id=new_command_id(), manifest=manifest, card=card))

    async def refresh(self) -> None:
        """Bring the catalogue up to date with what is at hand: an embedded model changes with the package it is in.

        A revision that is on this disk is not left for a newer one unasked.
        """
        for model_id in await self._library.catalogue():
            if await self._is_outdated(model_id):
                try:
                    await self.add(model_id)
                except (ModelError, NoMaster) as problem:
                    logger.warning("%s could not be brought up to date: %s", model_id, problem)

    async def ensure_instance(
        self, model_id: ModelId, *, may_fetch: bool = False, unload_after_s: int = 0
    ) -> InstanceId:
        """Have the cluster wish an instance of a model unless it does. Raises `RequestRefused` with an HTTP status.

        One that is not in the catalogue must be at hand, unless it `may_fetch`: no client's word starts a download.
        `unload_after_s`: until nobody has asked it anything for so long; 0: it stays.
        """
        try:
            await self._add_if_unknown(model_id, may_fetch=may_fetch)
            instance_id = InstanceId(f"i-{secrets.token_hex(4)}")
            request = PlacementRequest(instance_id=instance_id, model_id=model_id, unload_after_s=unload_after_s)
            answer = await self._submit(EnsureInstance(command_id=new_command_id(), request=request))
        except NoMaster as problem:
            raise RequestRefused(503, "no_master", str(problem)) from problem
        if isinstance(answer, CommandRefused):
            raise RequestRefused(answer.status, answer.code, answer.message)
        return answer.instance_id or request.instance_id

    async def folder(self, model_id: ModelId) -> Path | None:
        """Where a model that is known or at hand lies complete on this disk. Raises `ModelError`."""
        known = self._state().models.get(model_id)
        if known is None and not await self._library.is_at_hand(model_id):
            return None
        manifest = known.manifest if known is not None else await self._library.resolve(model_id)
        return await asyncio.to_thread(self._library.local_folder, manifest)

    async def catalogue(self) -> tuple[ModelId, ...]:
        """Models of the state and those that the sources have at hand, sorted."""
        return tuple(sorted({*self._state().models, *await self._library.catalogue()}))

    async def _is_outdated(self, model_id: ModelId) -> bool:
        known = self._state().models.get(model_id)
        return known is not None and await asyncio.to_thread(self._library.local_folder, known.manifest) is None

    async def _add_if_unknown(self, model_id: ModelId, *, may_fetch: bool) -> None:
        if model_id in self._state().models:
            return
        if not may_fetch and not await self._library.is_at_hand(model_id):
            message = (
                f"the model '{model_id}' is not known here. See `exo models`, or GET /v1/models; one that is on the "
                "Hugging Face Hub is brought by: exo models add"
            )
            raise RequestRefused(404, "model_not_found", message)
        try:
            answer = await self.add(model_id)
        except ModelError as problem:
            raise RequestRefused(404, "model_not_found", str(problem)) from problem
        if isinstance(answer, CommandRefused):
            raise RequestRefused(answer.status, answer.code, answer.message)


def new_command_id() -> CommandId:
    """A fresh id, so that a repeated command is recognised."""
    return CommandId(f"c-{secrets.token_hex(8)}")
