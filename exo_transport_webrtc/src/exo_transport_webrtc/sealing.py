"""Where do holders of one secret meet, and how is what they say kept from whoever carries it? No input, no output."""

from __future__ import annotations

import base64
import secrets
from typing import Final, final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from exo_core.errors import AuthenticationError
from exo_core.identity.secret import derive

NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
ROOM_BYTES: Final = 20
KEY_BYTES: Final = 32
_ROOM: Final = b"exo/1 rendezvous"
_HAND: Final = b"exo/1 by hand"


class Seal:
    """What is sealed can be read, and made, by holders of the cipher's key alone."""

    def __init__(self, cipher: ChaCha20Poly1305 | AESGCM, context: bytes, place: str) -> None:
        """`context` tells one use of seals from another; `place` is where they are used, for people."""
        self._cipher = cipher
        self._context = context
        self._place = place

    def seal(self, envelope: bytes) -> bytes:
        """What only holders of the key can read."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, envelope, self._context)

    def open(self, sealed: bytes) -> bytes:
        """The envelope. Raises `AuthenticationError` when no holder of the key sealed it, or somebody changed it."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], self._context)
        except (InvalidTag, ValueError) as problem:
            message = f"something that was not sealed {self._place}"
            raise AuthenticationError(message) from problem


@final
class RoomSeal(Seal):
    """A rendezvous' room and its seal: both follow from a secret of those who meet there, and neither gives it away."""

    def __init__(self, room: bytes, cipher: ChaCha20Poly1305 | AESGCM) -> None:
        """`room`: ROOM_BYTES that nobody else can guess."""
        super().__init__(cipher, _ROOM, "in this room")
        self.room = base64.b32encode(room).decode().lower()


def room_of(meeting_key: bytes) -> RoomSeal:
    """The room of those who hold the meeting key of an identity."""
    cipher = ChaCha20Poly1305(derive(meeting_key, "rendezvous seal", KEY_BYTES))
    return RoomSeal(derive(meeting_key, "rendezvous room", ROOM_BYTES), cipher)


@final
class HandSeal(Seal):
    """For envelopes that people carry."""

    def __init__(self, meeting_key: bytes) -> None:
        super().__init__(ChaCha20Poly1305(derive(meeting_key, "by hand seal", KEY_BYTES)), _HAND, "for this offer")
