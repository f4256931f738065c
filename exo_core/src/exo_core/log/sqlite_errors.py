"""What SQLite's errors mean in exo's words: the file is damaged, the disk takes no more, or the file cannot be used."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from exo_core.errors import LogCorrupt, LogError, LogFull

_PRIMARY = 0xFF
"""SQLite's extended error codes have the general one in their last byte."""
_UNREADABLE = {
    sqlite3.SQLITE_IOERR_READ,
    sqlite3.SQLITE_IOERR_SHORT_READ,
    sqlite3.SQLITE_IOERR_CORRUPTFS,
    sqlite3.SQLITE_IOERR_DATA,
}
"""The disk does not give back what it was given: as bad as a wrong byte."""
_NO_MORE = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR}
_UNUSABLE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_MISUSE,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOLFS,
    sqlite3.SQLITE_INTERRUPT,
}
_DAMAGED_TEXT = "text in it is damaged"
_DISK_TAKES_NO_MORE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}


@contextmanager
def explained(path: Path) -> Generator[None]:
    """Errors of SQLite and of the system as `LogCorrupt` (the content), `LogFull` (the disk) or `LogError`."""
    try:
        yield
    except sqlite3.Error as problem:
        raise _meaning(path, problem) from problem
    except UnicodeDecodeError as problem:  # SQLite's message quotes a name in the file
        raise damaged(path, _DAMAGED_TEXT) from problem
    except OSError as problem:
        if problem.errno in _DISK_TAKES_NO_MORE:
            raise full(path, problem) from problem
        raise unusable(path, problem) from problem


def _meaning(path: Path, problem: sqlite3.Error) -> LogError:
    code: int | None = getattr(problem, "sqlite_errorcode", None)  # absent when Python itself complains
    if isinstance(problem, sqlite3.ProgrammingError) or (code is not None and code & _PRIMARY in _UNUSABLE):
        return unusable(path, problem)
    if code is not None and code & _PRIMARY in _NO_MORE and code not in _UNREADABLE:
        return full(path, problem)
    return damaged(path, str(problem))


def damaged(path: Path, what: str) -> LogCorrupt:
    """What to tell a person whose file turned out broken while it was in use."""
    return LogCorrupt(
        f"the event log {path} is damaged ({what}). Start this node again: it sets the file aside, keeps what can be "
        f"read, and fetches the rest from the other machines."
    )


def reason(problem: LogCorrupt) -> str:
    """The same without what to do about it."""
    cause = problem.__cause__
    return _DAMAGED_TEXT if isinstance(cause, UnicodeDecodeError) else str(cause or problem)


def full(path: Path, problem: Exception) -> LogFull:
    """What to tell a person whose disk takes no more."""
    return LogFull(f"the event log {path} cannot be written ({problem}): nothing was lost; free some space on its disk")


def unusable(path: Path, problem: Exception) -> LogError:
    """What to tell a person whose file cannot be opened."""
    return LogError(f"the event log {path} cannot be used ({problem}); check that its folder may be read and written")
