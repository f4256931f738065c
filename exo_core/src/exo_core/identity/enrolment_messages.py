"""What an inviter and a joiner may say to each other: four messages, and nothing else.

msgpack into strict models; anything larger than MAXIMUM_ENROLMENT_BYTES is refused before it is parsed.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from exo_core.errors import WireError
from exo_core.frozen import Frozen
from exo_core.transports import Buffer, Ticket
from exo_core.wire.codec import decode, encode

MAXIMUM_ENROLMENT_BYTES = 8 * 1024
PROOF_BYTES = 32

Consistency = Literal["availability", "majority"]


class EnrolmentRequest(Frozen):
    """The joiner's: which code it holds (`proof` follows from the token and the joiner's node id), and its name."""

    kind: Literal["request"] = "request"
    proof: Annotated[bytes, Field(min_length=PROOF_BYTES, max_length=PROOF_BYTES)]
    name: Annotated[str, Field(max_length=128)]


class EnrolmentGrant(Frozen):
    """The inviter's yes: the cluster's secret, how consistent the cluster is, and where to reach the inviter's node."""

    kind: Literal["grant"] = "grant"
    secret: Annotated[bytes, Field(min_length=32, max_length=32, repr=False)]
    consistency: Consistency
    tickets: Annotated[tuple[Annotated[Ticket, Field(max_length=256)], ...], Field(max_length=16)]


class EnrolmentRefusal(Frozen):
    """The inviter's no, in a sentence for the person at the joining machine."""

    kind: Literal["refusal"] = "refusal"
    reason: Annotated[str, Field(max_length=512)]


class EnrolmentStay(Frozen):
    """The joiner's, in place of hanging up: it runs as a member now, and the link goes on as one between members."""

    kind: Literal["stay"] = "stay"


EnrolmentMessage = EnrolmentRequest | EnrolmentGrant | EnrolmentRefusal | EnrolmentStay
_ADAPTER: TypeAdapter[EnrolmentMessage] = TypeAdapter(Annotated[EnrolmentMessage, Field(discriminator="kind")])


def encode_enrolment(message: EnrolmentMessage) -> bytes:
    """The message as bytes."""
    return encode(_ADAPTER, message)


def decode_enrolment(data: Buffer) -> EnrolmentMessage:
    """Raises `WireError` for anything but one of the four messages."""
    if len(data) > MAXIMUM_ENROLMENT_BYTES:
        message = f"an enrolment message of {len(data)} bytes"
        raise WireError(message)
    return decode(_ADAPTER, data)
