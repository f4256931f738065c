"""What one side tells the other so that a path can be made between them: addresses, passwords, a fingerprint."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from exo_core.frozen import Frozen

FINGERPRINT_BYTES = 32
"""SHA-256, the only hash that is accepted."""

MOST_CANDIDATES = 24


def _plain_address(text: str) -> str:
    """A name would have to be looked up, and the other side could make us ask anything of anybody."""
    return str(ipaddress.ip_address(text))


class Candidate(Frozen):
    """An address at which a side might be reached by UDP."""

    kind: Literal["host", "srflx", "relay"]
    address: Annotated[str, Field(max_length=45), AfterValidator(_plain_address)]
    port: Annotated[int, Field(ge=1, le=65535)]
    priority: Annotated[int, Field(ge=0, lt=2**32)]
    foundation: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{1,32}$")]


class PathDescription(Frozen):
    """One side of a path to be. `fingerprint` is that of the certificate which the side will show in DTLS."""

    fingerprint: Annotated[bytes, Field(min_length=FINGERPRINT_BYTES, max_length=FINGERPRINT_BYTES)]
    username: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{4,64}$")]
    password: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{22,128}$")]
    candidates: Annotated[tuple[Candidate, ...], Field(max_length=MOST_CANDIDATES)]
