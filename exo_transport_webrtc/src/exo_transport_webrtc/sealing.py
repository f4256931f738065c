"""Where do holders of one secret meet at a rendezvous, and how is what they say kept from it? No input, no output."""

from __future__ import annotations

import base64
import secrets
from typing import Final, final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from exo_core.errors import AuthenticationError
from exo_core.identity.secret import derive

NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
_CONTEXT: Final = b"exo/1 rendezvous"


@final
class RoomSeal:
    """Both follow from the meeting key of an identity, and neither gives it away."""

    def __init__(self, meeting_key: bytes) -> None:
        self.room = base64.b32encode(derive(meeting_key, "rendezvous room", 20)).decode().lower()
        self._cipher = ChaCha20Poly1305(derive(meeting_key, "rendezvous seal", 32))

    def seal(self, envelope: bytes) -> bytes:
        """What only those in the room can read."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, envelope, _CONTEXT)

    def open(self, sealed: bytes) -> bytes:
        """The envelope. Raises `AuthenticationError` when nobody of this room sealed it, or somebody changed it."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _CONTEXT)
        except (InvalidTag, ValueError) as problem:
            message = "something that was not sealed in this room"
            raise AuthenticationError(message) from problem
