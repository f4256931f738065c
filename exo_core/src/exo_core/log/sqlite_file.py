"""An SQLite file opened so that a finished transaction survives a power cut, and its errors said in exo's words."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import cast, final

from exo_core.errors import LogCorrupt, LogError, WireError


@final
class SqliteFile:
    """One connection to one file. Creates the schema in an empty file. Raises `LogCorrupt` or `LogError`."""

    def __init__(self, path: Path, *, schema: str, version: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        with self.explained():
            # calls come one after another, though from the driver's writer thread and not from the one that opened it
            self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(schema, version)
        except BaseException:
            self.connection.close()
            raise

    def _prepare(self, schema: str, version: int) -> None:
        with self.explained():
            self.connection.execute("PRAGMA journal_mode = WAL")
            self.connection.execute("PRAGMA synchronous = FULL")
            found = cast("int", self.connection.execute("PRAGMA user_version").fetchone()[0])
        if found == 0:
            with self.transaction():
                for statement in schema.strip().splitlines():
                    self.connection.execute(statement)
                self.connection.execute(f"PRAGMA user_version = {version}")
        elif found != version:
            message = f"{self._path} has format {found} and this exo reads {version}; run the exo that wrote it"
            raise LogError(message)

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All or nothing, and on the disk afterwards."""
        with self.explained():
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self.connection.execute("ROLLBACK")
                raise
            self.connection.execute("COMMIT")

    @contextmanager
    def explained(self) -> Generator[None]:
        """SQLite's errors as `LogError` (the disk) and `LogCorrupt` (the content)."""
        try:
            yield
        except (WireError, TypeError) as problem:  # a row that passed its check holds something else than was written
            raise LogCorrupt(self.damaged(str(problem))) from problem
        except sqlite3.OperationalError as problem:
            message = f"the log at {self._path} cannot be used: {problem}; check the disk's free space and permissions"
            raise LogError(message) from problem
        except sqlite3.DatabaseError as problem:
            raise LogCorrupt(self.damaged(str(problem))) from problem

    def damaged(self, what: str) -> str:
        """What to tell a person whose file is broken."""
        return (
            f"the event log {self._path} is damaged ({what}). Move the file away and start this node again: it fetches "
            f"the log from the other machines; if it is the only one, its models must be added and placed again."
        )


def checksum(number: int, content: bytes) -> int:
    """CRC-32 over a row's number (0 where it has no fixed one) and its content."""
    return zlib.crc32(content, zlib.crc32(number.to_bytes(8, "big")))
