"""The files of models as other members have them: `MembersFiles` over the cluster's links."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Final, final

from exo_core.errors import CallFailed, LinkClosed, ModelError, WireError
from exo_core.identifiers import ModelId, NodeId
from exo_core.manifests import Manifest
from exo_core.messaging import Messenger, Stream
from exo_core.model_files.byte_ranges import ByteRange
from exo_core.model_sharing.messages import HOLDING, PIECES, Held, Holding, PieceAnswer, PieceWanted
from exo_core.sources import Holder
from exo_core.wire.codec import decode_model, encode_model

ASKING_S: Final = 5.0
SILENCE_S: Final = 20.0
"""A member that sends no byte for so long is given up."""


@final
class AskedMembers:
    """Belongs to the node's event loop. `catalogued` and `name_of` read the state."""

    def __init__(
        self,
        messenger: Messenger,
        *,
        catalogued: Callable[[ModelId], Manifest | None],
        name_of: Callable[[NodeId], str],
        asking: float = ASKING_S,
        silence: float = SILENCE_S,
    ) -> None:
        self._messenger = messenger
        self._catalogued = catalogued
        self._name_of = name_of
        self._asking = asking
        self._silence = silence

    def catalogued(self, model_id: ModelId) -> Manifest | None:
        """The catalogue's manifest."""
        return self._catalogued(model_id)

    async def holders(self, manifest: Manifest) -> Sequence[Holder]:
        """Complete ones first, then the least busy, then whoever answers sooner: a member behind another is later."""
        question = Holding(model_id=manifest.model_id, revision=manifest.revision)
        answers: list[tuple[tuple[bool, int], Holder]] = []
        asked = [self._ask(node_id, question) for node_id in sorted(self._messenger.reachable)]
        for answer in asyncio.as_completed(asked):
            node_id, held = await answer
            if held is not None and (held.complete or held.parts):
                holder = Holder(node_id=node_id, name=self._name_of(node_id), there=_there(held))
                answers.append(((not held.complete, held.reading), holder))
        return [holder for _, holder in sorted(answers, key=lambda item: item[0])]

    async def read(self, holder: Holder, manifest: Manifest, path: str, start: int, end: int) -> AsyncGenerator[bytes]:
        """The bytes as they come."""
        wanted = PieceWanted(model_id=manifest.model_id, revision=manifest.revision, path=path, start=start, end=end)
        try:
            stream = await self._messenger.open_stream(holder.node_id, PIECES, encode_model(wanted), priority="bulk")
            try:
                async with aclosing(self._checked(stream, wanted)) as blocks:
                    async for block in blocks:
                        yield block
            finally:
                await stream.close()
        except (LinkClosed, WireError) as problem:
            message = f"{holder.name} was lost while it sent {path}: {problem}"
            raise ModelError(message) from problem
        except TimeoutError as problem:
            message = f"{holder.name} sent nothing of {path} for {self._silence:.0f} s"
            raise ModelError(message) from problem
        except _Refused as problem:
            message = f"{holder.name} does not send {path}: {problem}"
            raise ModelError(message) from problem

    async def _ask(self, node_id: NodeId, question: Holding) -> tuple[NodeId, Held | None]:
        try:
            return node_id, await self._messenger.ask(node_id, HOLDING, question, timeout=self._asking)
        except (LinkClosed, TimeoutError, CallFailed, WireError):  # gone, or too old to know the question
            return node_id, None

    async def _checked(self, stream: Stream, wanted: PieceWanted) -> AsyncGenerator[bytes]:
        answer = decode_model(PieceAnswer, await self._next(stream))
        if answer.refused is not None:
            raise _Refused(answer.refused)
        left, digest = wanted.end - wanted.start, hashlib.sha256()
        while left > 0:
            block = await self._next(stream)
            if not 0 < len(block) <= left:
                complaint = "the file there has another length than it should"
                raise _Refused(complaint)
            digest.update(block)
            left -= len(block)
            yield block
        announced = await self._next(stream)
        if announced != digest.digest():
            complaint = "its hash is not the announced one" if announced else "it changed while it was read"
            raise _Refused(complaint)

    async def _next(self, stream: Stream) -> bytes:
        async with asyncio.timeout(self._silence):
            return await stream.receive()


def _there(held: Held) -> dict[str, list[ByteRange]] | None:
    if held.complete:
        return None
    return {part.path: [ByteRange(start, end) for start, end in part.ranges] for part in held.parts}


class _Refused(Exception):
    """The member was reached, and what it sends is not what was asked for."""
