"""Doing what blocks on a disk from an event loop: to its end, and with errors that say what to do."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from exo_core.errors import ModelError

SPARE_BYTES: Final = 64 * 1024 * 1024
"""What a fetch leaves free on the disk."""

ResultT = TypeVar("ResultT")


async def in_thread(work: Callable[[], ResultT]) -> ResultT:
    """Do what blocks; when cancelled, wait for its end all the same: what follows may touch the same files.

    Raises `ModelError` for what the disk refuses.
    """
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        with suppress(Exception):
            await running
        raise
    except OSError as problem:
        place = problem.filename or "the folder of models"
        message = f"{place} cannot be written: {problem.strerror}. Free some space or choose another --home"
        raise ModelError(message) from problem


def check_room(model: str, needed: int, into: Path) -> None:
    """Raise `ModelError` when the disk of `into` does not take so many bytes more."""
    there = next(folder for folder in (into, *into.parents) if folder.is_dir())
    free = shutil.disk_usage(there).free
    if needed + SPARE_BYTES > free:
        message = (
            f"{model} needs {needed / 1e9:.2f} GB more on the disk of {there}, which has {free / 1e9:.2f} GB free: "
            f"{(needed + SPARE_BYTES - free) / 1e9:.2f} GB are missing. Free some space or choose another --home"
        )
        raise ModelError(message)
