"""What two parties say to each other before they have a path, and how each proves who it is. No input, no output.

1. The caller says that it wants a path (`Call`), under a number of its own that nobody can guess.
2. The one who is called offers one (`Offer`): it repeats the caller's number, and adds one of its own.
3. The caller answers (`Answer`) and repeats that number.

So each side knows that what it gets was said now, and for this, without any clock: what is recorded and said again
later names a number that nobody waits for. Each message names for whom it is, is signed by the key of its sender's
leaf, and holds that leaf; whoever carries it can read it (the rendezvous gets it sealed) and can change nothing in it.
The fingerprint of the certificate that will be shown in DTLS is in it, so the path leads to who signed.

By hand there are two messages only: an `OpenOffer` to whoever holds a join code, and an `Answer` that repeats its
number. Said again later, the former leads to nobody: the key of the certificate that it names is gone by then.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Final, Generic, Literal, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from pydantic import Field, TypeAdapter

from exo_core.errors import AuthenticationError, WireError
from exo_core.frozen import Frozen
from exo_core.identifiers import NodeId
from exo_core.identity.leaf import peer_of
from exo_core.transports import Identity, Peer
from exo_core.wire.codec import decode, decode_model, encode, encode_model
from exo_transport_webrtc.path_description import PathDescription

LARGEST_ENVELOPE_BYTES: Final = 16 * 1024
NUMBER_BYTES: Final = 16
_STATEMENT: Final = b"exo/1 webrtc envelope\0"

Number = Annotated[bytes, Field(min_length=NUMBER_BYTES, max_length=NUMBER_BYTES)]


class _Said(Frozen):
    """`authority`: under whose certificates the two meet. `node_id` and `role`: for whom it is."""

    authority: Annotated[str, Field(max_length=64)]
    node_id: Annotated[NodeId, Field(max_length=64)]
    role: Annotated[str, Field(max_length=160)]
    call: Number


class Call(_Said):
    """I want a path to you."""

    kind: Literal["call"] = "call"


class Offer(_Said):
    """Here is my side of one."""

    kind: Literal["offer"] = "offer"
    offer: Number
    path: PathDescription


class Answer(_Said):
    """And here is mine."""

    kind: Literal["answer"] = "answer"
    offer: Number
    path: PathDescription


class OpenOffer(Frozen):
    """Here is my side of a path, for whoever has business with me under that authority."""

    kind: Literal["open offer"] = "open offer"
    authority: Annotated[str, Field(max_length=64)]
    offer: Number
    path: PathDescription


Said = Call | Offer | Answer
SaidT = TypeVar("SaidT", Call, Offer, Answer)
_SAID: TypeAdapter[Said] = TypeAdapter(Annotated[Said, Field(discriminator="kind")])
_OPEN_OFFER: TypeAdapter[OpenOffer] = TypeAdapter(OpenOffer)


class Envelope(Frozen):
    """What was said as it was signed, and the leaf whose key signed it."""

    leaf: Annotated[bytes, Field(max_length=2048)]
    said: Annotated[bytes, Field(max_length=LARGEST_ENVELOPE_BYTES)]
    signature: Annotated[bytes, Field(min_length=64, max_length=64)]


@dataclass(frozen=True)
class Proven(Generic[SaidT]):
    """What was said, by whom, and which of our identities it was said to."""

    said: SaidT
    sender: Peer
    to: Identity


@dataclass(frozen=True)
class Unproven:
    """An envelope that was read and not judged yet."""

    said: Said
    envelope: Envelope

    @property
    def addressee(self) -> Peer:
        """For whom it is."""
        return Peer(node_id=self.said.node_id, role=self.said.role)


def sign(said: Said, identity: Identity) -> bytes:
    """The envelope."""
    return _signed(encode(_SAID, said), identity)


def sign_open(said: OpenOffer, identity: Identity) -> bytes:
    """The same for an offer to nobody in particular."""
    return _signed(encode(_OPEN_OFFER, said), identity)


def _signed(body: bytes, identity: Identity) -> bytes:
    key, leaf = _credentials(identity)
    return encode_model(Envelope(leaf=leaf, said=body, signature=key.sign(_STATEMENT + body)))


def read(data: bytes) -> Unproven:
    """Take an envelope apart. Raises `WireError`."""
    envelope = _opened(data)
    return Unproven(decode(_SAID, envelope.said), envelope)


def read_open(data: bytes, identity: Identity) -> tuple[OpenOffer, Peer]:
    """An open offer, and who made it to `identity`. Raises `WireError`, `AuthenticationError`."""
    envelope = _opened(data)
    return decode(_OPEN_OFFER, envelope.said), prove(envelope, identity)


def _opened(data: bytes) -> Envelope:
    if len(data) > LARGEST_ENVELOPE_BYTES:
        message = f"an envelope of {len(data)} bytes; at most {LARGEST_ENVELOPE_BYTES} are allowed"
        raise WireError(message)
    return decode_model(Envelope, data)


def prove(envelope: Envelope, identity: Identity) -> Peer:
    """Who said it to `identity`. Raises `AuthenticationError` when nobody whom it may concern did."""
    sender = peer_of(envelope.leaf, identity)
    try:
        key = x509.load_der_x509_certificate(envelope.leaf).public_key()
        if not isinstance(key, Ed25519PublicKey):
            raise TypeError
        key.verify(envelope.signature, _STATEMENT + envelope.said)
    except (InvalidSignature, TypeError, ValueError) as problem:
        message = f"an envelope that names {sender.node_id} ({sender.role}) was not signed by it"
        raise AuthenticationError(message) from problem
    return sender


@lru_cache(maxsize=16)
def _credentials(identity: Identity) -> tuple[Ed25519PrivateKey, bytes]:
    key = load_pem_private_key(identity.private_key_pem, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        message = "exo's keys are Ed25519"
        raise TypeError(message)
    return key, x509.load_pem_x509_certificate(identity.certificate_chain_pem).public_bytes(Encoding.DER)
