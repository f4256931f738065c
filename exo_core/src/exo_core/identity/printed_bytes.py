"""Bytes as letters that survive being copied by people and programs: base32 with a checksum, case does not matter."""

from __future__ import annotations

import base64
import binascii
import hashlib

CHECKSUM_BYTES = 4


def printed(content: bytes, *, purpose: bytes) -> str:
    """Lower-case base32 without padding. `purpose` tells one kind of text from another: only the same reads it."""
    return base64.b32encode(content + _checksum(content, purpose)).decode().rstrip("=").lower()


def read_printed(letters: str, *, purpose: bytes) -> bytes:
    """What was printed. Raises `ValueError` when letters are missing, added or changed."""
    try:
        content = base64.b32decode(letters.upper() + "=" * (-len(letters) % 8))
    except binascii.Error as problem:
        raise ValueError(*problem.args) from problem
    content, checksum = content[:-CHECKSUM_BYTES], content[-CHECKSUM_BYTES:]
    if _checksum(content, purpose) != checksum:
        message = "the checksum does not fit"
        raise ValueError(message)
    return content


def _checksum(content: bytes, purpose: bytes) -> bytes:
    return hashlib.sha256(purpose + content).digest()[:CHECKSUM_BYTES]
