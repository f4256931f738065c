"""How is a log opened so that it never fails for what it holds? A damaged file is set aside, and what is readable kept.

Only what a person must settle is an error: a folder that cannot be used, a disk that takes no more, a newer format.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from exo_core.errors import LogCorrupt
from exo_core.log.mark import Mark, MarkFile
from exo_core.log.salvage import Contents, Scraps, salvaged
from exo_core.log.sqlite_errors import damaged, explained, reason
from exo_core.log.sqlite_examination import Findings, examine
from exo_core.log.sqlite_file import SqliteFile
from exo_core.log.sqlite_pages import PAGE_BYTES, rows_in
from exo_core.log.sqlite_rebuilding import FILE_NAME, MARK_NAME, finish, next_aside, replace_log, write_ahead_log
from exo_core.log.sqlite_rows import FORMAT


class Opened(NamedTuple):
    """A file that is sound, and what it holds."""

    file: SqliteFile
    found: Findings


def opened(folder: Path) -> Opened:
    """The log in this folder; a new one if there is none. Raises `LogError`."""
    path = folder / FILE_NAME
    with explained(path):
        folder.mkdir(parents=True, exist_ok=True)
        finish(folder)
        beside = MarkFile(folder / MARK_NAME).read()
        if not path.exists():
            replace_log(folder, _new(path, beside))
        write_ahead = write_ahead_log(folder)
        file, found = _examined(path, beside)
        if file and not found.problems and found.format == FORMAT:
            return Opened(file, found)
        _rebuild(path, file, found, beside, write_ahead)
        return _second_look(path)


def _examined(path: Path, beside: Mark | None) -> tuple[SqliteFile | None, Findings]:
    """The file, open, and what is found in it; None when SQLite does not take it for a database."""
    try:
        file = SqliteFile(path)
    except LogCorrupt as problem:
        return None, Findings(problems=[reason(problem)])
    try:
        return file, examine(file, beside)
    except BaseException:
        file.close()
        raise


def _rebuild(path: Path, file: SqliteFile | None, found: Findings, beside: Mark | None, write_ahead: bytes) -> None:
    """A new file with all that can be read. An older format that has no damage is carried over in the same way."""
    try:
        scraps = Scraps()
        if found.problems:
            for columns in rows_in(_readable(path), write_ahead):
                scraps.add(columns)
        contents = salvaged(file, found, scraps, beside)
    finally:
        if file:
            file.close()
    if not found.problems:
        return replace_log(path.parent, contents)
    aside = next_aside(path.parent)
    contents.damage = _sentence(path, found.problems[0], contents, aside)
    return replace_log(path.parent, contents, aside=aside, write_ahead_log=write_ahead)


def _second_look(path: Path) -> Opened:
    file, found = _examined(path, None)
    if file and not found.problems:
        return Opened(file, found)
    if file:
        file.close()
    raise damaged(path, f"it was written anew and is wrong again, {found.problems[0]}: is the disk failing?")


def _new(path: Path, beside: Mark | None) -> Contents:
    """An empty log; one that says so when there was another."""
    if beside is None or not beside.writes:
        return Contents()
    damage = f"the event log {path} is gone; it had {beside.length} entries"
    return Contents(epoch=beside.epoch, writes=beside.writes + 1, damage=damage)


def _sentence(path: Path, problem: str, contents: Contents, aside: Path) -> str:
    return (
        f"the event log {path} was damaged ({problem}): {contents.mark.length} entries are kept, "
        f"{len(contents.offers)} facts wait to be recorded again, and the damaged file is {aside.name}"
    )


def _readable(path: Path) -> bytes:
    """The file, with zeros where the disk does not give it back."""
    pieces: list[bytes] = []
    with path.open("rb", buffering=0) as file:
        for start in range(0, path.stat().st_size, PAGE_BYTES):
            try:
                pieces.append(os.pread(file.fileno(), PAGE_BYTES, start))
            except OSError:
                pieces.append(bytes(PAGE_BYTES))
    return b"".join(pieces)
