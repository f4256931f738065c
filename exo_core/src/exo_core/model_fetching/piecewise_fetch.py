"""Bringing parts of one model, piece by piece and several pieces at once.

What is on the disk is kept; what comes is written and noted block by block, so that whatever stops a fetch, the next
one goes on where it was; a file that became whole is checked against its hash.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Protocol, final

from exo_core.errors import ModelError
from exo_core.manifests import Manifest
from exo_core.model_fetching.disk_work import check_room, ended, in_thread
from exo_core.model_fetching.wanted_files import WantedFile, wanted_files
from exo_core.model_files.byte_ranges import ByteRange, pieces, total, within
from exo_core.model_files.partial_file import PartialFile, is_whole
from exo_core.sources import FetchProgress, Part

Came = Callable[[int], None]
"""Hears how many bytes of a piece have come so far, those on their way to the disk included."""


class PieceReader(Protocol):
    """Gets bytes from wherever they are. Several pieces are read at once."""

    def read(self, path: str, piece: ByteRange, came: Came) -> AsyncGenerator[bytes]:
        """The bytes of a piece in order, in blocks that may be written as they are. Raises `ModelError`."""
        ...

    async def available(self, path: str, wanted: ByteRange) -> Sequence[ByteRange]:
        """Of these bytes, those that there is a point in reading here; the others are left to another fetch."""
        ...


@final
class PiecewiseFetch:
    """One fetch; not to be used twice. Up to `at_once` pieces of at most `largest_piece` bytes are read at a time."""

    def __init__(
        self, reader: PieceReader, manifest: Manifest, into: Path, *, largest_piece: int, at_once: int = 1
    ) -> None:
        self._reader = reader
        self._manifest = manifest
        self._into = into
        self._largest_piece = largest_piece
        self._at_once = at_once
        self._written = 0
        """Bytes of this fetch that are on the disk."""
        self._checked = 0
        """Bytes that were read again for their hash."""
        self._on_their_way: dict[tuple[str, ByteRange], int] = {}
        self._moved = asyncio.Event()
        self._one_writes: dict[Path, asyncio.Lock] = {}

    async def run(self, parts: Sequence[Part]) -> AsyncGenerator[FetchProgress]:
        """See `Source.fetch`. When it ends or is closed, nothing is being read or written any more."""
        wanted = await wanted_files(self._manifest, parts, self._into, self._have)
        whole, missing = sum(item.size for item in wanted), sum(total(item.missing) for item in wanted)
        await in_thread(lambda: check_room(self._manifest.model_id, missing, self._into))
        self._written = shown = whole - missing
        checked = 0
        yield FetchProgress(done=shown, total=whole)
        bringing = asyncio.create_task(self._bring_all(wanted), name=f"bringing {self._manifest.model_id}")
        bringing.add_done_callback(lambda _: self._moved.set())
        try:
            while not bringing.done():
                await self._moved.wait()
                self._moved.clear()
                done = min(whole, self._written + sum(self._on_their_way.values()))
                if done > shown or self._checked > checked:
                    shown, checked = max(shown, done), self._checked
                    yield FetchProgress(done=shown, total=whole, checked=checked)
            await bringing
        finally:
            bringing.cancel()
            await ended(bringing)
        yield FetchProgress(done=whole, total=whole, checked=self._checked)

    async def _bring_all(self, wanted: Sequence[WantedFile]) -> None:
        """Raises `ModelError`, the first one's; the others are stopped then."""
        todo = deque[tuple[WantedFile, ByteRange]]()
        for item in wanted:
            todo.extend((item, piece) for piece in pieces(await self._available(item), self._largest_piece))
        left = {item.described.path: sum(other is item for other, _ in todo) for item in wanted}
        for item in wanted:
            if left[item.described.path] == 0:
                await self._finish(item)
        problems = list[ModelError]()
        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(min(self._at_once, len(todo))):
                    tasks.create_task(self._work(todo, left))
        except* ModelError as group:
            problems += [problem for problem in group.exceptions if isinstance(problem, ModelError)]
        rest = sum(total(item.missing) for item in wanted)
        if problems or rest:
            raise problems[0] if problems else _rest_is_elsewhere(self._manifest, rest)

    async def _available(self, item: WantedFile) -> list[ByteRange]:
        found = [await self._reader.available(item.described.path, missing) for missing in item.missing]
        return within(item.missing, [each for ranges in found for each in ranges])

    async def _work(self, todo: deque[tuple[WantedFile, ByteRange]], left: dict[str, int]) -> None:
        while todo:
            item, piece = todo.popleft()
            await self._bring(item.described.path, item.file, piece)
            left[item.described.path] -= 1
            if left[item.described.path] == 0:
                await self._finish(item)

    async def _bring(self, path: str, file: PartialFile, piece: ByteRange) -> None:
        """A piece to the disk. Every block that came is there, whatever happens then."""
        start = piece.start

        def came(count: int) -> None:
            self._on_their_way[path, piece] = max(0, count - (start - piece.start))
            self._moved.set()

        try:
            async with aclosing(self._reader.read(path, piece, came)) as blocks:
                async for block in blocks:
                    await self._put(file, start, block)
                    start += len(block)
                    came(start - piece.start)
        finally:
            self._on_their_way.pop((path, piece), None)

    async def _put(self, file: PartialFile, start: int, block: bytes) -> None:
        async with self._one_writes.setdefault(file.path, asyncio.Lock()):
            await in_thread(lambda: file.put(start, block))
        self._written += len(block)

    async def _have(self, path: str, file: PartialFile, wanted: ByteRange) -> None:
        for piece in pieces(file.missing([wanted]), self._largest_piece):
            await self._bring(path, file, piece)

    async def _finish(self, item: WantedFile) -> None:
        """Check a file that became whole."""
        file, described = item.file, item.described
        if is_whole(file.path, file.size) or file.missing([ByteRange(0, file.size)]):
            return
        loop = asyncio.get_running_loop()

        def looked(count: int) -> None:
            loop.call_soon_threadsafe(self._looked, count)

        if not await in_thread(lambda: file.finish(described, looked)):
            message = f"{described.path} of {self._manifest.model_id} came with another hash than its manifest says"
            raise ModelError(message)

    def _looked(self, count: int) -> None:
        self._checked += count
        self._moved.set()


def _rest_is_elsewhere(manifest: Manifest, rest: int) -> ModelError:
    message = f"{rest / 1e6:.1f} MB of {manifest.model_id} are not there; what was, is here now"
    return ModelError(message)
