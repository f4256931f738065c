"""A file that is on this disk in part: at its full length, every byte that is there in its place, holes elsewhere.

Which bytes are there stands in a journal beside it, `.NAME.partial`: one block a line, its range and the SHA-256 of
what came. A block is written into the journal after its bytes are safe on the disk, the journal is there before the
file, and goes once nothing is missing. So after any crash: a file without a journal is whole, and what a journal names
was written. A half-written last line counts for nothing. What the disk made of a block since tells its hash. Holes take
no room on a disk whose file system knows sparse files; on another they do.

Every method blocks and may raise `OSError`.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple, final

from exo_core.manifests import ManifestFile
from exo_core.model_files.byte_ranges import ByteRange, merged, without
from exo_core.model_files.hashes import Looked, has_hash_of, hash_of_range

_LINE: Final = re.compile(rb"(\d{1,18}) (\d{1,18}) ([0-9a-f]{64})")


class _Block(NamedTuple):
    """Bytes that came at once."""

    range: ByteRange
    sha256: str


def journal_of(path: Path) -> Path:
    """Where it stands which bytes of `path` are there."""
    return path.with_name(f".{path.name}.partial")


def is_whole(path: Path, size: int) -> bool:
    """Whether the file lies there with all its bytes."""
    return path.is_file() and path.stat().st_size == size and not journal_of(path).exists()


@final
class PartialFile:
    """One file on its way. Nothing is made on the disk before the first `put`."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        self._blocks = list[_Block]()
        self._there: Sequence[ByteRange] = []
        self._look()

    def __repr__(self) -> str:
        return f"PartialFile({self.path}, {sum(item.size for item in self._there)} of {self.size} bytes)"

    @property
    def there(self) -> Sequence[ByteRange]:
        """The bytes that are there, in as few ranges as possible."""
        return self._there

    @property
    def whole(self) -> bool:
        """Whether all its bytes are there and nothing but `finish` is to be done, if that."""
        return self.path.is_file() and not self.missing([ByteRange(0, self.size)])

    def missing(self, wanted: Iterable[ByteRange]) -> list[ByteRange]:
        """Of these bytes, those that are not there."""
        return without(wanted, self._there)

    def changed(self, wanted: ByteRange) -> list[ByteRange]:
        """Of the blocks that hold any of these bytes, those that are not on the disk what they were when they came.

        None of a whole file, whose journal is gone.
        """
        touched = [item for item in self._blocks if item.range.end > wanted.start and item.range.start < wanted.end]
        return [item.range for item in touched if item.sha256 != hash_of_range(self.path, item.range)]

    def put(self, start: int, content: bytes) -> None:
        """Write bytes in their place; safe on the disk on return."""
        self._begin()
        with self.path.open("r+b") as file:
            file.seek(start)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        added = _Block(ByteRange(start, start + len(content)), hashlib.sha256(content).hexdigest())
        with journal_of(self.path).open("ab") as journal:
            journal.write(f"{added.range.start} {added.range.end} {added.sha256}\n".encode())
            journal.flush()
            os.fsync(journal.fileno())
        self._blocks.append(added)
        self._there = merged([*self._there, added.range])

    def finish(self, described: ManifestFile, looked: Looked = lambda _: None) -> bool:
        """Declare it whole; call it when nothing is missing. False, and it starts over, when its hash is another.

        `looked` hears how it is read for that.
        """
        self._begin()
        if not has_hash_of(self.path, described, looked):
            self.forget()
            return False
        journal_of(self.path).unlink(missing_ok=True)
        _sync_folder(self.path.parent)
        return True

    def forget(self) -> None:
        """Start over with nothing."""
        self.path.unlink(missing_ok=True)
        journal_of(self.path).unlink(missing_ok=True)
        self._blocks, self._there = [], []

    def _look(self) -> None:
        """At what an earlier fetch left. A file of another length is not the one that is meant."""
        if not self.path.is_file() or self.path.stat().st_size != self.size:
            return
        journal = journal_of(self.path)
        if not journal.exists():
            self._there = [ByteRange(0, self.size)]
            return
        lines = journal.read_bytes().split(b"\n")[:-1]
        self._blocks = [block for line in lines if (block := _parsed(line, self.size)) is not None]
        self._there = merged(block.range for block in self._blocks)

    def _begin(self) -> None:
        if self._there or is_whole(self.path, self.size):
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        journal_of(self.path).write_bytes(b"")
        _sync_folder(self.path.parent)
        self.path.unlink(missing_ok=True)  # never write through a link into somebody else's folder
        with self.path.open("xb") as file:
            file.truncate(self.size)


def _parsed(line: bytes, size: int) -> _Block | None:
    """A line of a journal; None for one that was damaged."""
    words = _LINE.fullmatch(line)
    if words is None:
        return None
    start, end = int(words[1]), int(words[2])
    return _Block(ByteRange(start, end), words[3].decode()) if start < end <= size else None


def _sync_folder(folder: Path) -> None:
    """Make names that were added or removed durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
