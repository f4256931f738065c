"""What a browser and a node say to each other in the room of a key, before there is a path. No input, no output.

1. The browser says that it wants a path (`Call`), under a number of its own that nobody can guess.
2. Each node that sits in the room offers one (`Offer`): it repeats that number and adds one of its own.
3. The browser answers the first (`Answer`) and repeats that number.

As between members (`exo_transport_webrtc.envelopes`) each side so knows that what it hears was said now, without any
clock. What is different: nobody signs. All is sealed with the key that the room's API key gives, so it was said by who
has that key, or by a node of its cluster; and it is JSON, which a browser reads by itself.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter, ValidationError

from exo_core.errors import WireError
from exo_core.frozen import Frozen
from exo_transport_webrtc.envelopes import LARGEST_ENVELOPE_BYTES
from exo_transport_webrtc.path_description import FINGERPRINT_BYTES, MOST_CANDIDATES, Candidate, PathDescription

NUMBER_BYTES: Final = 16

Number = Annotated[str, Field(pattern=rf"^[0-9a-f]{{{2 * NUMBER_BYTES}}}$")]


class JsonPath(Frozen):
    """A `PathDescription` as JSON has it: the fingerprint in hex."""

    fingerprint: Annotated[str, Field(pattern=rf"^[0-9a-f]{{{2 * FINGERPRINT_BYTES}}}$")]
    username: str
    password: str
    candidates: Annotated[tuple[Candidate, ...], Field(max_length=MOST_CANDIDATES)]

    @classmethod
    def of(cls, path: PathDescription) -> JsonPath:
        """The same path."""
        return cls(
            fingerprint=path.fingerprint.hex(),
            username=path.username,
            password=path.password,
            candidates=path.candidates,
        )

    @property
    def description(self) -> PathDescription:
        """The same path. Raises `WireError`."""
        try:
            return PathDescription(
                fingerprint=bytes.fromhex(self.fingerprint),
                username=self.username,
                password=self.password,
                candidates=self.candidates,
            )
        except ValidationError as problem:
            raise WireError(_complaint(problem)) from None


class Call(Frozen):
    """I want a path."""

    kind: Literal["call"] = "call"
    call: Number


class Offer(Frozen):
    """Here is my side of one. `stun`: a server that tells the browser how it looks from outside."""

    kind: Literal["offer"] = "offer"
    call: Number
    offer: Number
    path: JsonPath
    stun: str | None = None


class Answer(Frozen):
    """And here is mine."""

    kind: Literal["answer"] = "answer"
    call: Number
    offer: Number
    path: JsonPath


Said = Call | Offer | Answer
_SAID: Final[TypeAdapter[Said]] = TypeAdapter(Annotated[Said, Field(discriminator="kind")])


def write(said: Said) -> bytes:
    """The envelope, still to be sealed."""
    return said.model_dump_json().encode()


def read(data: bytes) -> Said:
    """What an opened envelope says. Raises `WireError`, which quotes nothing of it."""
    if len(data) > LARGEST_ENVELOPE_BYTES:
        message = f"an envelope of {len(data)} bytes; at most {LARGEST_ENVELOPE_BYTES} are allowed"
        raise WireError(message)
    try:
        return _SAID.validate_json(data)
    except ValidationError as problem:
        raise WireError(_complaint(problem)) from None


def _complaint(problem: ValidationError) -> str:
    where = [".".join(map(str, error["loc"])) for error in problem.errors(include_input=False, include_url=False)]
    return f"an envelope that says nothing known ({', '.join(where)[:200] or 'no JSON'})"
