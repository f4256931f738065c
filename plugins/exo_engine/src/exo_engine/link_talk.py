"""What two neighbouring stages say of their link: which codecs the second knows, and that it has received a probe.

The first stage *offers* in the first step of a ring, one without a forward: where its activation would stand is the
list of codecs that it can send. A stage that knows of no codecs has no use for that activation, and says nothing; it is
sent exact hidden states. Any other answers at once with a `Receipt`, on the same link and against its direction, on
which nothing else ever goes; so it does for every *probe*: bytes without meaning, to be timed.
"""

from __future__ import annotations

import os
from typing import Annotated, Final

from pydantic import Field, TypeAdapter

from exo_core.errors import WireError
from exo_core.frozen import Count, Frozen
from exo_core.transports import Buffer
from exo_engine.codecs import CODECS
from exo_engine.packing import pack, unpack
from exo_engine.step_stream import ActivationHeader

OFFER: Final = ActivationHeader(codec="offer", dtype="names", shape=())
"""What stands in the header of the step with an offer, in the place of a codec's."""
_PROBE: Final = bytes(4)
"""How a probe begins: no step has a header of no bytes."""


class Receipt(Frozen):
    """What the next stage says back.

    An offer is answered by the `codecs` it knows, and how long it computes a token of a prompt; a probe by its number.
    """

    codecs: tuple[str, ...] = ()
    token_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    probe: Count = 0


_RECEIPT = TypeAdapter(Receipt)


def offered() -> bytes:
    """The codecs that this version can send."""
    return pack(CODECS)


def is_offer(described: ActivationHeader | None) -> bool:
    """Whether what stands where an activation would is an offer."""
    return described is not None and described.codec == OFFER.codec


def encode_probe(number: int, size: int) -> tuple[Buffer, ...]:
    """A probe of so many bytes, which cannot be packed smaller, and a few more."""
    return _PROBE, number.to_bytes(4, "little"), os.urandom(size)


def probe_number(message: Buffer) -> int | None:
    """Which probe a message is; None: it is a step."""
    if message[:4] != _PROBE:
        return None
    return int.from_bytes(message[4:8], "little")


def encode_receipt(receipt: Receipt) -> Buffer:
    """Its message."""
    return pack(_RECEIPT.dump_python(receipt))


def decode_receipt(message: Buffer) -> Receipt:
    """The receipt in a message. Raises `WireError`."""
    try:
        return _RECEIPT.validate_python(unpack(message))
    except ValueError as problem:
        text = f"the next stage says what is no receipt: {type(problem).__name__}"
        raise WireError(text) from problem
