"""Does a path of a manifest stay within the model's folder?"""

from __future__ import annotations

from pathlib import PurePosixPath


def is_plain(path: str) -> bool:
    """Relative, and without a step upwards. A manifest may come from another machine."""
    pure = PurePosixPath(path)
    return bool(pure.parts) and not pure.is_absolute() and ".." not in pure.parts and "\0" not in path
