"""In which room of a rendezvous do a key's browsers and nodes meet, and how do they seal? No input, no output.

Both follow from the SHA-256 of the key, which is all that a cluster keeps of it. A key of `exo key create` has 256
random bits, so neither can be found by trying; a word that a person chose could be, so no room is made of one. Browsers
have AES-GCM where members use ChaCha20-Poly1305, and labels of their own keep the two apart.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from exo_core.identity.secret import derive
from exo_transport_webrtc.sealing import KEY_BYTES, ROOM_BYTES, RoomSeal

ROOM_LABEL: Final = "browser room"
SEAL_LABEL: Final = "browser seal"


def browser_room(key_digest: bytes) -> RoomSeal:
    """The room of an API key, given its SHA-256."""
    cipher = AESGCM(derive(key_digest, SEAL_LABEL, KEY_BYTES))
    return RoomSeal(derive(key_digest, ROOM_LABEL, ROOM_BYTES), cipher)
