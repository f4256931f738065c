"""The cluster's secret, and everything that follows from it.

One cluster is one generated secret of 256 bits. Every node derives the same values from it by HKDF-SHA256 (RFC 5869),
each under a label of its own, so that giving away one of them gives away none of the others.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from functools import cached_property
from typing import final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from exo_core.errors import UserError
from exo_core.identifiers import ClusterId
from exo_core.identity.authority import CLUSTER_SUFFIX, Authority

SECRET_BYTES = 32
TAG_BYTES = 16


@final
class ClusterSecret:
    """The 256 bits that make somebody a member. They never appear in a repr, a log or an error."""

    def __init__(self, key: bytes) -> None:
        """Raises `ValueError` when `key` is not 32 bytes."""
        if len(key) != SECRET_BYTES:
            message = f"a cluster secret is {SECRET_BYTES} bytes, not {len(key)}"
            raise ValueError(message)
        self._key = key

    @classmethod
    def generate(cls) -> ClusterSecret:
        """A new cluster's secret, from the operating system's randomness."""
        return cls(secrets.token_bytes(SECRET_BYTES))

    @classmethod
    def from_hex(cls, text: str) -> ClusterSecret:
        """The secret that `EXO_SECRET` or the home holds. Raises `UserError` when it is not 64 hex digits."""
        digits = text.strip()
        if len(digits) != 2 * SECRET_BYTES or not set(digits) <= set("0123456789abcdefABCDEF"):
            message = (
                f"a cluster secret is 64 hex digits; this has {len(digits)} characters. "
                "Make one with: openssl rand -hex 32"
            )
            raise UserError(message)
        return cls(bytes.fromhex(digits))

    def reveal(self) -> bytes:
        """The 32 bytes themselves: for the home's file and for enrolment, nothing else."""
        return self._key

    @cached_property
    def cluster_id(self) -> ClusterId:
        """Names the cluster without giving the secret away: 26 characters of lower-case base32."""
        return ClusterId(base64.b32encode(self._derive("cluster id", 16)).decode().rstrip("=").lower())

    @cached_property
    def authority(self) -> Authority:
        """The certificate authority that every member shares: the same key and the same certificate on each node."""
        return Authority.from_seed(self._derive("cluster authority", 32), self.cluster_id[:16] + CLUSTER_SUFFIX)

    @cached_property
    def discovery_key(self) -> bytes:
        """32 bytes by which members recognise each other's announcements on a local network."""
        return self._derive("discovery", 32)

    def recognition_tag(self, nonce: bytes) -> bytes:
        """16 bytes that only members can make for a nonce: how one knows another without naming the cluster.

        Proves nothing of who sends it, since anybody can repeat what they heard.
        """
        return hmac.digest(self.discovery_key, nonce, "sha256")[:TAG_BYTES]

    def _derive(self, label: str, length: int) -> bytes:
        return derive(self._key, label, length)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ClusterSecret) and hmac.compare_digest(self._key, other._key)

    def __hash__(self) -> int:
        return hash(self.cluster_id)

    def __repr__(self) -> str:  # the key must not reach a log
        return f"ClusterSecret(of cluster {self.cluster_id})"


def derive(key: bytes, label: str, length: int) -> bytes:
    """HKDF-SHA256 of a uniformly random key under a label of exo's."""
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=f"exo/1 {label}".encode()).derive(key)
