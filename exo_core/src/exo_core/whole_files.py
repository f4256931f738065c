"""Small files that are on the disk whole or not at all, readable by this person only (mode 0600)."""

from __future__ import annotations

import os
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """What `path` holds from now on; durable on return. A reader sees the old content or the new. Raises `OSError`."""
    beside = path.with_name(f".{path.name}.new")
    write_private(beside, content)
    beside.replace(path)


def write_private(path: Path, content: bytes) -> None:
    """Write in place; durable on return. Raises `OSError`."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
