"""Reads pieces of models for other members: only files of a model of the catalogue that this node holds.

What is asked for names a model, a revision and a file of its manifest, never a path of this machine. Members trust each
other, so the catalogue is believed; but a manifest that came from elsewhere makes nothing readable but files of models:
of a plain name within the folder, of a kind that models consist of, beside a config and weights. (A link that the owner
of this machine put into the folder is followed: caches of downloaded models are made of such.)

Of a file that is here in part only what is still as it came is sent. A whole file is sent as it lies: its hash was
checked when it became whole, if it was fetched, and not since.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, final

from exo_core.errors import ModelError, WireError
from exo_core.identifiers import ModelId, NodeId
from exo_core.manifests import Manifest
from exo_core.messaging import Messenger, Stream
from exo_core.model_files.byte_ranges import ByteRange
from exo_core.model_files.partial_file import PartialFile
from exo_core.model_files.plain_paths import is_plain
from exo_core.model_folders import MODEL_FILE_SUFFIXES, check_model_folder
from exo_core.model_sharing.messages import HOLDING, PIECES, Held, HeldPart, Holding, PieceAnswer, PieceWanted
from exo_core.sources import LARGEST_PIECE
from exo_core.wire.codec import decode_model, encode_model

logger = logging.getLogger(__name__)

BLOCK: Final = 256 * 1024
"""Bytes to a message: few enough for other streams to get their turn, enough not to count."""
AT_ONCE: Final = 4
"""Pieces that are read at the same time, whoever wants them; others wait their turn."""
READER_PATIENCE_S: Final = 30.0
"""A reader that takes nothing for so long gives its turn to others."""


@dataclass(frozen=True, kw_only=True)
class HeldModel:
    """A model that lies on this disk; not `complete`: some bytes of its files, as their journals tell."""

    manifest: Manifest
    folder: Path
    complete: bool = True


FindModel = Callable[[ModelId, str], HeldModel | None]
"""What this node holds of a model in a revision. May look at the disk: it is called in a thread."""


@final
class FileServer:
    """Answers members. Belongs to the node's event loop; files are read in threads."""

    def __init__(self, messenger: Messenger, find: FindModel, *, patience: float = READER_PATIENCE_S) -> None:
        self._find = find
        self._patience = patience
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._reading = 0
        messenger.on_call(HOLDING, self._held)
        messenger.on_stream(PIECES, self._serve)

    async def _held(self, sender: NodeId, question: Holding) -> Held:
        del sender
        found = await asyncio.to_thread(self._find, question.model_id, question.revision)
        if found is None or found.complete:
            return Held(complete=found is not None, reading=self._reading)
        return Held(complete=False, reading=self._reading, parts=await asyncio.to_thread(_parts_of, found))

    async def _serve(self, stream: Stream, opening: bytes) -> None:
        try:
            wanted = decode_model(PieceWanted, opening)
        except WireError as problem:
            await self._send(stream, encode_model(PieceAnswer(refused=str(problem))))
            return
        self._reading += 1
        try:
            async with self._turns:
                await self._read(stream, wanted)
        except TimeoutError:
            pass  # the stream is closed, and the reader's business
        finally:
            self._reading -= 1

    async def _read(self, stream: Stream, wanted: PieceWanted) -> None:
        try:
            file = await asyncio.to_thread(self._open, wanted)
        except (ModelError, OSError) as problem:
            await self._send(stream, encode_model(PieceAnswer(refused=_words(problem))))
            return
        try:
            await self._send(stream, encode_model(PieceAnswer()))
            await self._send_bytes(stream, file, wanted)
        finally:
            os.close(file)

    async def _send_bytes(self, stream: Stream, file: int, wanted: PieceWanted) -> None:
        before, digest = os.fstat(file), hashlib.sha256()
        for start in range(wanted.start, wanted.end, BLOCK):
            block = await asyncio.to_thread(os.pread, file, min(BLOCK, wanted.end - start), start)
            digest.update(block)
            await self._send(stream, block)
        unchanged = _state(os.fstat(file)) == _state(before)
        await self._send(stream, digest.digest() if unchanged else b"")

    async def _send(self, stream: Stream, message: bytes) -> None:
        async with asyncio.timeout(self._patience):
            await stream.send(message)

    def _open(self, wanted: PieceWanted) -> int:
        """A descriptor of the file. Raises `ModelError` and `OSError`."""
        held = self._find(wanted.model_id, wanted.revision)
        if held is None:
            message = f"{wanted.model_id} does not lie there complete any more, or has changed"
            raise ModelError(message)
        size = next((file.size for file in held.manifest.files if file.path == wanted.path), None)
        if size is None or not _is_of_a_model(held.folder, wanted.path):
            message = f"{wanted.path} is no file of {wanted.model_id}"
            raise ModelError(message)
        if not wanted.start < wanted.end <= size or wanted.end - wanted.start > LARGEST_PIECE:
            message = f"{wanted.path} has {size} bytes; {wanted.start} to {wanted.end} were asked for"
            raise ModelError(message)
        if not held.complete:
            _check_part(PartialFile(held.folder / wanted.path, size), ByteRange(wanted.start, wanted.end))
        return _open_regular(held.folder / wanted.path, size)


def _parts_of(held: HeldModel) -> tuple[HeldPart, ...]:
    """What there is of each file. Blocks."""
    found = list[HeldPart]()
    for file in held.manifest.files:
        there = PartialFile(held.folder / file.path, file.size).there if is_plain(file.path) else ()
        if there:
            found.append(HeldPart(path=file.path, ranges=tuple((item.start, item.end) for item in there)))
    return tuple(found)


def _check_part(file: PartialFile, wanted: ByteRange) -> None:
    """Raise `ModelError` unless these bytes are there and what came. Reads the blocks that hold them."""
    if file.missing([wanted]):
        message = f"{file.path.name} is not all there"
        raise ModelError(message)
    changed = file.changed(wanted)
    if changed:
        logger.error(
            "bytes %d to %d of %s have changed on the disk since they came, and are given to nobody. "
            "Delete the folder, and place the model again",
            *changed[0],
            file.path,
        )
        message = f"{file.path.name} was damaged on the disk there"
        raise ModelError(message)


def _is_of_a_model(folder: Path, path: str) -> bool:
    check_model_folder(folder)
    return is_plain(path) and PurePosixPath(path).suffix in MODEL_FILE_SUFFIXES


def _open_regular(path: Path, size: int) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe in its place must not block
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and found.st_size == size:
        return descriptor
    os.close(descriptor)
    message = f"{path.name} has changed there"
    raise ModelError(message)


def _state(found: os.stat_result) -> tuple[int, int]:
    return found.st_size, found.st_mtime_ns


def _words(problem: ModelError | OSError) -> str:
    return str(problem) if isinstance(problem, ModelError) else f"it cannot be read there: {problem.strerror}"
