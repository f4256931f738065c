"""A certificate authority that several machines hold at once, because each derives it from the same seed.

Members of a cluster derive theirs from the cluster's secret; an inviter and a joiner derive one from the join code's
token. Ed25519 signatures are deterministic and the dates are fixed, so the certificate is the same, byte for byte,
everywhere; no clock is trusted.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

CLUSTER_SUFFIX = ".cluster.exo"
"""How the name of a cluster's authority ends; it certifies nodes and runners."""

INVITATION_SUFFIX = ".invitation.exo"
"""How the name of a join code's authority ends; it certifies joiners and inviters."""

NOT_BEFORE = datetime(1950, 1, 1, tzinfo=UTC)
NOT_AFTER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Authority:
    """Who certifies, and the key to do it with. `name` is also the server name (SNI) that asks for it."""

    name: str
    certificate: x509.Certificate = field(repr=False)
    key: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def from_seed(cls, seed: bytes, name: str) -> Authority:
        """The authority of that name whose Ed25519 private key is `seed` (32 bytes)."""
        key = Ed25519PrivateKey.from_private_bytes(seed)
        return cls(name=name, certificate=_self_signed(key, name), key=key)

    @property
    def pem(self) -> bytes:
        """The certificate, PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def meeting_key(self) -> bytes:
        """32 bytes that only holders of the authority know; they say nothing of its private key."""
        seed = self.key.private_bytes_raw()
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"exo/1 meeting").derive(seed)

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the certificate's DER, 32 bytes."""
        return hashlib.sha256(self.certificate.public_bytes(Encoding.DER)).digest()


def subject(name: str) -> x509.Name:
    """The distinguished name that consists of this common name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def signing_usage(*, certificates: bool) -> x509.KeyUsage:
    """What a key is for: to sign certificates, or to sign handshakes."""
    return x509.KeyUsage(
        digital_signature=not certificates,
        key_cert_sign=certificates,
        crl_sign=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def blank_certificate(name: str, issuer: str, key: Ed25519PublicKey, serial: int) -> x509.CertificateBuilder:
    """What all our certificates have in common; extensions and the signature are still to come."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject(name))
        .issuer_name(subject(issuer))
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(NOT_BEFORE)
        .not_valid_after(NOT_AFTER)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _self_signed(key: Ed25519PrivateKey, name: str) -> x509.Certificate:
    """`path_length=0`: whoever holds the key may certify leaves, and no further authority under another name."""
    public = key.public_key()
    serial = int.from_bytes(hashlib.sha256(public.public_bytes_raw()).digest()[:16], "big") >> 1 | 1
    return (
        blank_certificate(name, name, public, serial)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(signing_usage(certificates=True), critical=True)
        .sign(key, algorithm=None)
    )
