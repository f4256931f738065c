"""How a test tells other processes what is wrong: a file that it replaces and they watch."""

from __future__ import annotations

import threading
import time
from functools import cache
from pathlib import Path

from exo_core.testing.chaos.fault_board import FaultBoard
from exo_core.testing.chaos.faults import Faults
from exo_core.whole_files import replace_file

LOOK_S = 0.02


def write_faults(path: Path, faults: Faults) -> None:
    """Whoever watches `path` knows within `LOOK_S`. Raises `OSError`."""
    replace_file(path, faults.model_dump_json().encode())


def read_faults(path: Path) -> Faults:
    """What the file says; no file: nothing is wrong. Raises pydantic's `ValidationError`."""
    try:
        return Faults.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Faults()


@cache
def board_of(path: Path) -> FaultBoard:
    """The board of this process that says what the file says, for as long as the process lives."""
    board = FaultBoard()
    seen = _version(path)  # looked at before it is read, so that no change falls between
    board.put(read_faults(path))
    threading.Thread(target=_watch, args=(path, board, seen), name="chaos", daemon=True).start()
    return board


def _watch(path: Path, board: FaultBoard, seen: tuple[int, int]) -> None:
    while True:
        time.sleep(LOOK_S)
        version = _version(path)
        if version != seen:
            seen = version
            board.put(read_faults(path))


def _version(path: Path) -> tuple[int, int]:
    """Differs from content to content, since each is a file of its own."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0, 0
    return found.st_ino, found.st_mtime_ns
