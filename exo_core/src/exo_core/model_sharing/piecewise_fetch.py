"""Bringing parts of one model from members, piece by piece.

What is on the disk is kept; a piece is checked before it is written, and written while the next one comes; a member
that fails is left for the next one.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Final, TypeVar, final

from exo_core.errors import ModelError
from exo_core.manifests import Manifest, ManifestFile
from exo_core.model_files.byte_ranges import ByteRange, merged, pieces, total
from exo_core.model_files.partial_file import PartialFile, is_whole
from exo_core.model_files.plain_paths import is_plain
from exo_core.model_files.safetensors_headers import SafetensorsFile, header_length, read_header
from exo_core.sources import LARGEST_PIECE, FetchProgress, Holder, MembersFiles, Part

SPARE_BYTES: Final = 64 * 1024 * 1024
"""What a fetch leaves free on the disk."""
_LENGTH_FIELD: Final = ByteRange(0, 8)
"""Of a safetensors file: how long its header is."""

ResultT = TypeVar("ResultT")


@final
class PiecewiseFetch:
    """One fetch; not to be used twice."""

    def __init__(
        self, members: MembersFiles, manifest: Manifest, into: Path, *, largest_piece: int = LARGEST_PIECE
    ) -> None:
        self._members = members
        self._manifest = manifest
        self._into = into
        self._largest_piece = largest_piece
        self._holders: list[Holder] | None = None
        self._problems: list[str] = []
        self._writing: asyncio.Task[None] | None = None
        """The one piece that is on its way to the disk."""

    async def run(self, parts: Sequence[Part]) -> AsyncGenerator[FetchProgress]:
        """See `Source.fetch`. When it ends or is closed, nothing is being written any more."""
        try:
            async with aclosing(self._steps(parts)) as steps:
                async for step in steps:
                    yield step
        finally:
            with suppress(ModelError):
                await self._written()

    async def _steps(self, parts: Sequence[Part]) -> AsyncGenerator[FetchProgress]:
        files = {part.path: await _in_thread(lambda path=part.path: self._partial(path)) for part in parts}
        wanted = {path: await self._wanted(file, parts) for path, file in files.items()}
        missing = {path: file.missing(wanted[path]) for path, file in files.items()}
        whole = sum(map(total, wanted.values()))
        done = shown = whole - sum(map(total, missing.values()))
        await _in_thread(lambda: self._check_room(whole - done))
        yield FetchProgress(done=shown, total=whole)
        for path, file in files.items():
            for piece in pieces(missing[path], self._largest_piece):
                async with aclosing(self._bring(file, piece)) as steps:
                    async for came in steps:
                        shown = max(shown, done + came)
                        yield FetchProgress(done=shown, total=whole)
                done += piece.size
            await self._written()
            await _in_thread(lambda file=file: self._finish(file))
        yield FetchProgress(done=whole, total=whole)

    # which bytes ----------------------------------------------------------------------------------------------------

    def _partial(self, path: str) -> PartialFile:
        described = self._described(path)
        if not is_plain(path):
            message = f"the manifest of {self._manifest.model_id} names a file outside its folder: {path}"
            raise ModelError(message)
        return PartialFile(self._into / path, described.size)

    def _described(self, path: str) -> ManifestFile:
        for file in self._manifest.files:
            if file.path == path:
                return file
        message = f"{self._manifest.model_id} has no file named {path}"
        raise ModelError(message)

    async def _wanted(self, file: PartialFile, parts: Sequence[Part]) -> list[ByteRange]:
        """The bytes of a file that these parts ask for. Brings the header where that has to be read."""
        asked = [part.tensors for part in parts if self._into / part.path == file.path]
        if None in asked:
            return merged([ByteRange(0, file.size)])
        header = await self._header(file)
        names = [name for tensors in asked for name in tensors or ()]
        unknown = [name for name in names if name not in header.tensors]
        if unknown:
            message = f"{file.path.name} of {self._manifest.model_id} has no tensor named {unknown[0]}"
            raise ModelError(message)
        return merged([ByteRange(0, header.data_start), *map(header.range_of, names)])

    async def _header(self, file: PartialFile) -> SafetensorsFile:
        await self._have(file, _LENGTH_FIELD)
        length = await _in_thread(lambda: header_length(file.path))
        await self._have(file, ByteRange(_LENGTH_FIELD.end, _LENGTH_FIELD.end + length))
        return await _in_thread(lambda: read_header(file.path))

    async def _have(self, file: PartialFile, wanted: ByteRange) -> None:
        for piece in pieces(file.missing([wanted]), self._largest_piece):
            async with aclosing(self._bring(file, piece)) as steps:
                async for _ in steps:
                    pass
        await self._written()

    def _check_room(self, needed: int) -> None:
        there = next(folder for folder in (self._into, *self._into.parents) if folder.is_dir())
        free = shutil.disk_usage(there).free
        if needed + SPARE_BYTES > free:
            message = (
                f"{self._manifest.model_id} needs {needed / 1e9:.2f} GB more on the disk of {there}, which has "
                f"{free / 1e9:.2f} GB free. Free some space or choose another --home"
            )
            raise ModelError(message)

    # bringing them --------------------------------------------------------------------------------------------------

    async def _bring(self, file: PartialFile, piece: ByteRange) -> AsyncGenerator[int]:
        """How many bytes of a piece have come, until all have. A member that fails is not asked again."""
        while True:
            holder = await self._next_holder()
            content = bytearray()
            path = file.path.relative_to(self._into).as_posix()
            try:
                async with aclosing(self._members.read(holder, self._manifest, path, *piece)) as blocks:
                    async for block in blocks:
                        content += block
                        yield len(content)
            except ModelError as problem:
                self._problems.append(str(problem))
                self._give_up(holder)
                continue
            await self._written()
            work = _in_thread(lambda content=bytes(content): file.put(piece.start, content))
            self._writing = asyncio.create_task(work, name=f"writing {path}")
            return

    async def _written(self) -> None:
        """Return once no piece is being written. Raises `ModelError` when the last one could not be."""
        writing, self._writing = self._writing, None
        if writing is not None:
            await _to_its_end(writing)

    async def _next_holder(self) -> Holder:
        if self._holders is None:
            self._holders = list(await self._members.holders(self._manifest))
            self._problems = [] if self._holders else ["no other member that can be reached has it complete"]
        if not self._holders:
            raise ModelError("; ".join(self._problems))
        return self._holders[0]

    def _give_up(self, holder: Holder) -> None:
        self._holders = [other for other in self._holders or () if other != holder]

    def _finish(self, file: PartialFile) -> None:
        if is_whole(file.path, file.size) or file.missing([ByteRange(0, file.size)]):
            return
        described = self._described(file.path.relative_to(self._into).as_posix())
        if not file.finish(described.sha256):
            message = f"{described.path} of {self._manifest.model_id} came with another hash than its manifest says"
            raise ModelError(message)


async def _in_thread(work: Callable[[], ResultT]) -> ResultT:
    """Do what blocks. Raises `ModelError` for what the disk refuses."""
    try:
        return await _to_its_end(asyncio.ensure_future(asyncio.to_thread(work)))
    except OSError as problem:
        place = problem.filename or "the folder of models"
        message = f"{place} cannot be written: {problem.strerror}. Free some space or choose another --home"
        raise ModelError(message) from problem


async def _to_its_end(running: asyncio.Future[ResultT]) -> ResultT:
    """Its result. When cancelled, wait for its end all the same: what follows may touch the same files."""
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        with suppress(Exception):
            await running
        raise
