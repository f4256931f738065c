"""Who may put files into a model's folder? One at a time, whichever process of this machine it belongs to.

Two that write at once would undo each other's work: each begins anew a file that it did not find, and a journal would
then name bytes that are gone. Processes are kept apart by a lock of the operating system (`flock`) on a file beside the
folder, `.NAME.fetching`; it ends with the process that holds it, however that ends. Where a file system knows no such
locks, nothing keeps two processes apart.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, final

from exo_core.model_fetching.disk_work import in_thread

logger = logging.getLogger(__name__)

PAUSE_S: Final = 0.2
"""Between two looks whether the other process is done; to wait for the lock itself would block a thread for good."""


def lock_of(folder: Path) -> Path:
    """What is locked, and only there meanwhile."""
    return folder.with_name(f".{folder.name}.fetching")


@asynccontextmanager
async def sole_fetcher(folder: Path) -> AsyncGenerator[None]:
    """Wait for other processes that fetch into this folder, and keep them waiting meanwhile.

    Within one process it keeps callers apart, too, in no order. The folder itself is not touched. Raises `ModelError`
    when the disk refuses the lock's file.
    """
    lock = _FolderLock(folder)
    try:
        await _wait_for(lock)
        yield
    finally:
        await in_thread(lock.give_back)


async def _wait_for(lock: _FolderLock) -> None:
    told = False
    while not await in_thread(lock.take):
        if not told:
            logger.warning("another process of exo fetches into %s; waiting until it is done", lock.folder)
            told = True
        await asyncio.sleep(PAUSE_S)


@final
class _FolderLock:
    """Blocks, for moments; may raise `OSError`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = lock_of(folder)
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Whether it is ours now."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        if _locked(descriptor) and self._is_at_its_place(descriptor):
            self._descriptor = descriptor
            return True
        os.close(descriptor)
        return False

    def give_back(self) -> None:
        """Take it away while it is still ours, so that nobody locks a file that is about to vanish unnoticed."""
        if self._descriptor is None:
            return
        if self._is_at_its_place(self._descriptor):
            self._path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = None

    def _is_at_its_place(self, descriptor: int) -> bool:
        """Whether the file that we opened is the one that others find; else its holder has just taken it away."""
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except FileNotFoundError:
            return False


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as problem:
        logger.warning("this file system keeps no two processes apart (%s): use one node at a time", problem.strerror)
    return True
