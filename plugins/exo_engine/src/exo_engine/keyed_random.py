"""The one source of chance in sampling: a number that depends on nothing but (seed, choice, index)."""

from __future__ import annotations

import struct
from hashlib import blake2b

_KEY = struct.Struct("<qQQ")


def uniform(seed: int, choice: int, index: int) -> float:
    """Uniform in [0, 1), 53 bits, for the `index`-th token of a choice (BLAKE2b, RFC 7693, counting).

    The same on every machine and in every backend: an answer resumed elsewhere goes on as it would have.
    """
    digest = blake2b(_KEY.pack(seed, choice, index), digest_size=8, person=b"exo-sampling").digest()
    return (int.from_bytes(digest, "little") >> 11) * 2.0**-53
