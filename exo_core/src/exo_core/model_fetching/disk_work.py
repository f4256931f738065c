"""Doing what blocks on a disk from an event loop: to its end, and with errors that say what to do."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from exo_core.errors import LastingModelError

SPARE_BYTES: Final = 64 * 1024 * 1024
"""What a fetch leaves free on the disk."""

ResultT = TypeVar("ResultT")


async def in_thread(work: Callable[[], ResultT]) -> ResultT:
    """Do what blocks; when cancelled, however often, wait for its end: what follows may touch the same files.

    Raises `LastingModelError` for what the disk refuses.
    """
    running = asyncio.get_running_loop().run_in_executor(None, work)  # no task: a loop that ends would cancel that
    await ended(running)
    try:
        return running.result()
    except OSError as problem:
        place = problem.filename or "the folder of models"
        message = f"{place} cannot be written: {problem.strerror}. Free some space or choose another --home"
        raise LastingModelError(message) from problem


async def ended(work: asyncio.Future[Any]) -> None:
    """Wait until it is done, however it ends. A cancellation, and any that follows, is raised only then."""
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError as problem:
            cancelled = problem
    if cancelled is not None:
        _ = work.cancelled() or work.exception()  # nobody asks for it any more
        raise cancelled


def check_room(model: str, needed: int, into: Path) -> None:
    """Raise `LastingModelError` when the disk of `into` does not take so many bytes more."""
    there = next(folder for folder in (into, *into.parents) if folder.is_dir())
    free = shutil.disk_usage(there).free
    if needed + SPARE_BYTES > free:
        message = (
            f"{model} needs {needed / 1e9:.2f} GB more on the disk of {there}, which has {free / 1e9:.2f} GB free: "
            f"{(needed + SPARE_BYTES - free) / 1e9:.2f} GB are missing. Free some space or choose another --home"
        )
        raise LastingModelError(message)
