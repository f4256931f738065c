"""What a node says of itself to a whole network, and what may be made of what others say. Pure.

| field | holds                                                                            |
|-------|----------------------------------------------------------------------------------|
| v     | 1; who says another number is not understood                                     |
| n     | a nonce, hex                                                                     |
| t     | its tag under the cluster's discovery key, hex: members recognise each other     |
| via   | transports and their ports, the preferred first: `tcp:52416,pigeon:7`            |
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from exo_core.transports import Ticket

VERSION: Final = "1"
NONCE_BYTES: Final = 16
MOST_TRANSPORTS: Final = 4
MOST_ADDRESSES: Final = 8
"""Of one announcer; more are not tried."""

_WAY = re.compile(r"([a-z][a-z0-9_-]{0,31}):([1-9][0-9]{0,4})")
_LONGEST_FIELD = 256


@dataclass(frozen=True, kw_only=True)
class Announcement:
    """One announcer's fields. `ports` by transport, the preferred one first."""

    nonce: bytes
    tag: bytes
    ports: Mapping[str, int]

    @property
    def fields(self) -> dict[str, str]:
        """As they are announced."""
        ways = ",".join(f"{transport}:{port}" for transport, port in self.ports.items())
        return {"v": VERSION, "n": self.nonce.hex(), "t": self.tag.hex(), "via": ways}

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> Self | None:
        """None for what no node of this version announces."""
        if fields.get("v") != VERSION or any(len(value) > _LONGEST_FIELD for value in fields.values()):
            return None
        ways = [_WAY.fullmatch(way) for way in fields.get("via", "").split(",")[:MOST_TRANSPORTS]]
        try:
            nonce, tag = bytes.fromhex(fields.get("n", "")), bytes.fromhex(fields.get("t", ""))
        except ValueError:
            return None
        ports = {way[1]: int(way[2]) for way in ways if way is not None}
        return cls(nonce=nonce, tag=tag, ports=ports) if len(nonce) == NONCE_BYTES and ports else None

    def tickets(self, addresses: Sequence[str]) -> Sequence[Ticket]:
        """By which the announcer may be reached at these addresses, which are in order."""
        return [
            Ticket(f"{transport}://{_host(address)}:{port}")
            for transport, port in self.ports.items()
            for address in addresses[:MOST_ADDRESSES]
        ]


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address
