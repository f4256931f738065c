"""Is a file on this disk the one that a manifest means?"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from exo_core.manifests import ManifestFile
from exo_core.model_files.byte_ranges import ByteRange

_AT_ONCE = 1024 * 1024


Looked = Callable[[int], None]
"""Hears after each block how many bytes of it were read."""


def _unheard(count: int) -> None:
    del count


def hash_of(path: Path, looked: Looked = _unheard) -> str:
    """SHA-256 of a file in lower-case hex."""
    digest = hashlib.sha256()
    _read(path, digest.update, looked)
    return digest.hexdigest()


def hash_of_range(path: Path, wanted: ByteRange) -> str:
    """SHA-256 of some bytes of a file in lower-case hex; of fewer where it ends before."""
    digest, left = hashlib.sha256(), wanted.size
    with path.open("rb") as file:
        file.seek(wanted.start)
        while block := file.read(min(_AT_ONCE, left)):
            digest.update(block)
            left -= len(block)
    return digest.hexdigest()


def git_hash_of(path: Path, looked: Looked = _unheard) -> str:
    """The name that git gives the file's content: SHA-1 of `blob`, its size, and its bytes, in lower-case hex."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    _read(path, digest.update, looked)
    return digest.hexdigest()


def _read(path: Path, update: Callable[[bytes], None], looked: Looked) -> None:
    with path.open("rb") as file:
        while block := file.read(_AT_ONCE):
            update(block)
            looked(len(block))


def has_hash_of(path: Path, described: ManifestFile, looked: Looked = _unheard) -> bool:
    """Whether the content has the hashes that the manifest knows; True when it knows none."""
    if described.sha256 is not None:
        return hash_of(path, looked) == described.sha256
    return described.git_sha1 is None or git_hash_of(path, looked) == described.git_sha1
