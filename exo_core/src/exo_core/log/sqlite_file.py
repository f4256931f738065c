"""An SQLite file opened so that a finished transaction survives a power cut."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import final

from exo_core.log.sqlite_errors import explained

WAL_BYTES_KEPT = 4 * 1024 * 1024
"""What the write-ahead log is cut to once its content has moved into the file."""


@final
class SqliteFile:
    """One connection to one file that exists. Raises `LogCorrupt`, `LogFull` or `LogError`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self.explained():
            # calls come one after another, though from the driver's writer thread and not from the one that opened it
            self.connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False
            )
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        self.connection.text_factory = _text
        with self.explained():
            self.connection.execute("PRAGMA cell_size_check = ON")  # a page is checked before it is believed
            self.connection.execute("PRAGMA journal_mode = WAL")
            self.connection.execute("PRAGMA synchronous = FULL")
            self.connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_KEPT}")

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All or nothing, and on the disk afterwards."""
        with self.explained():
            self._abandon()
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # on a bad disk; then it is abandoned before the next one
                    self._abandon()
                raise

    def _abandon(self) -> None:
        if self.connection.in_transaction:  # SQLite has rolled back by itself after some errors
            self.connection.execute("ROLLBACK")

    def explained(self) -> AbstractContextManager[None]:
        """SQLite's errors in exo's words."""
        return explained(self.path)

    def close(self) -> None:
        """Close the file."""
        self.connection.close()


def _text(content: bytes) -> str:
    """Damaged text is text that is wrong, and found to be, not an error that quotes it."""
    return content.decode(errors="replace")
