"""The join code: what `exo invite` prints and `exo run --join` takes.

One word: `exo1`, then in base32 without padding: expiry (4 bytes), token (16), the cluster authority's fingerprint
(16), the tickets (deflated text, one a line), and a checksum (4). The token opens one enrolment at the node that made
it; the cluster's secret is not in the code.
"""

from __future__ import annotations

import base64
import secrets
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from exo_core.errors import JoinError
from exo_core.identity.authority import INVITATION_SUFFIX, Authority
from exo_core.identity.leaf import own_identity
from exo_core.identity.node_key import NodeKey
from exo_core.identity.printed_bytes import printed, read_printed
from exo_core.identity.secret import derive
from exo_core.transports import Identity, Ticket

PREFIX = "exo"
VERSION = "1"
TOKEN_BYTES = 16
FINGERPRINT_BYTES = 16
MAXIMUM_TICKETS = 8
_PURPOSE = b"exo join code"
_EXPIRY_BYTES = 4
_MAXIMUM_TICKET_LENGTH = 256
_MAXIMUM_TICKET_TEXT = MAXIMUM_TICKETS * (_MAXIMUM_TICKET_LENGTH + 1)
_MAXIMUM_CODE_LENGTH = 4096
_COMMON_TEXT = b"webrtc://\n.52416\n10.0.192.168.1.:52416\ntcp://192.168.0.1:52416\ntcp://10.0.0."
"""What tickets often hold, so that deflating a few of them pays. Part of the format."""

_EMPTY = "the join code is empty"
_FOREIGN = "this is not a join code: one begins with exo1"
_MISTYPED = "the join code is incomplete or mistyped"
_BROKEN = "the join code is broken"


@dataclass(frozen=True, kw_only=True)
class JoinCode:
    """A join code, taken apart.

    `expires_at` is in seconds since 1970 by the inviter's clock: good for explaining a refusal, trusted for nothing.
    """

    tickets: tuple[Ticket, ...]
    fingerprint: bytes
    expires_at: int
    token: bytes = field(repr=False)

    @classmethod
    def new(cls, *, tickets: Sequence[Ticket], authority: Authority, expires_at: int) -> JoinCode:
        """A code with a fresh token for the cluster of that authority; holds the first MAXIMUM_TICKETS tickets."""
        return cls(
            tickets=tuple(item for item in tickets if len(item.encode()) <= _MAXIMUM_TICKET_LENGTH)[:MAXIMUM_TICKETS],
            fingerprint=authority.fingerprint[:FINGERPRINT_BYTES],
            expires_at=expires_at,
            token=secrets.token_bytes(TOKEN_BYTES),
        )

    @property
    def authority(self) -> Authority:
        """The authority under which inviter and joiner meet; it follows from the token alone."""
        return invitation_authority(self.token)

    def joiner(self, node_key: NodeKey) -> Identity:
        """What this machine shows to the inviter."""
        return own_identity(self.authority, node_key, "joiner")

    def is_for(self, authority: Authority) -> bool:
        """Whether the code was made by a member of that authority's cluster."""
        return authority.fingerprint[:FINGERPRINT_BYTES] == self.fingerprint

    @property
    def content(self) -> bytes:
        """All of it as bytes."""
        return b"".join(
            [self.expires_at.to_bytes(_EXPIRY_BYTES, "big"), self.token, self.fingerprint, _deflate(self.tickets)]
        )

    @classmethod
    def from_content(cls, content: bytes) -> JoinCode:
        """What `content` gave. Raises `JoinError` when it is not that."""
        expiry, rest = content[:_EXPIRY_BYTES], content[_EXPIRY_BYTES:]
        token, rest = rest[:TOKEN_BYTES], rest[TOKEN_BYTES:]
        fingerprint, packed = rest[:FINGERPRINT_BYTES], rest[FINGERPRINT_BYTES:]
        if len(fingerprint) != FINGERPRINT_BYTES:
            raise _unusable(_MISTYPED)
        return cls(
            tickets=_inflate(packed), fingerprint=fingerprint, expires_at=int.from_bytes(expiry, "big"), token=token
        )

    def __str__(self) -> str:
        """The word to print."""
        return PREFIX + VERSION + printed(self.content, purpose=_PURPOSE)


def invitation_authority(token: bytes) -> Authority:
    """The authority of a join code's token."""
    name = base64.b32encode(derive(token, "invitation name", 10)).decode().lower() + INVITATION_SUFFIX
    return Authority.from_seed(derive(token, "invitation authority", 32), name)


def parse_join_code(text: str) -> JoinCode:
    """Read what a person pasted; spaces and line breaks within it, and case, do not matter.

    Raises `JoinError` that says what is wrong with it and what to do.
    """
    return JoinCode.from_content(_checked_content("".join(text.split()).lower()))


def _checked_content(word: str) -> bytes:
    if not word:
        raise _unusable(_EMPTY)
    if not word.startswith(PREFIX) or len(word) > _MAXIMUM_CODE_LENGTH:
        raise _unusable(_FOREIGN)
    if not word.startswith(PREFIX + VERSION):
        message = "this join code is of another version; update exo on this machine or on the one that made the code"
        raise JoinError(message)
    try:
        return read_printed(word[len(PREFIX + VERSION) :], purpose=_PURPOSE)
    except ValueError as problem:
        raise _unusable(_MISTYPED) from problem


def _unusable(what: str) -> JoinError:
    return JoinError(f"{what}. Copy the whole last word that `exo invite` printed, or run `exo invite` again")


def _deflate(tickets: Sequence[Ticket]) -> bytes:
    packer = zlib.compressobj(level=9, wbits=-15, zdict=_COMMON_TEXT)
    return packer.compress("\n".join(tickets).encode()) + packer.flush()


def _inflate(packed: bytes) -> tuple[Ticket, ...]:
    unpacker = zlib.decompressobj(wbits=-15, zdict=_COMMON_TEXT)
    try:
        text = unpacker.decompress(packed, _MAXIMUM_TICKET_TEXT)
        lines = text.decode().split("\n") if text else []
    except (zlib.error, UnicodeDecodeError) as problem:
        raise _unusable(_BROKEN) from problem
    if not unpacker.eof or unpacker.unused_data or len(lines) > MAXIMUM_TICKETS:
        raise _unusable(_BROKEN)
    return tuple(Ticket(line) for line in lines)
