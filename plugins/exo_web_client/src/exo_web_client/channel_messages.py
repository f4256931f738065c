"""What a browser and a node say to each other in the channel: requests and answers as in HTTP, each message JSON."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter, ValidationError

from exo_core.errors import WireError
from exo_core.frozen import Frozen
from exo_core.transports import Buffer

LARGEST_MESSAGE_BYTES: Final = 5 * 2**20
"""A body of the size that the front door takes, in JSON."""

RequestNumber = Annotated[int, Field(ge=0, lt=2**53)]
HeaderName = Annotated[str, Field(pattern=r"^[!#-'*+.^_`|~0-9A-Za-z-]{1,100}$")]
HeaderValue = Annotated[str, Field(pattern=r"^[\t -~]{0,4096}$")]


class Request(Frozen):
    """Ask this. `number` names it on this channel until it is answered; `path` may have a query."""

    kind: Literal["request"] = "request"
    number: RequestNumber
    method: Literal["GET", "POST", "DELETE"]
    path: Annotated[str, Field(pattern=r"^/[!-~]{0,8191}$")]
    headers: Annotated[dict[HeaderName, HeaderValue], Field(max_length=20)] = {}
    body: str = ""


class Cancel(Frozen):
    """Nobody wants the answer any more."""

    kind: Literal["cancel"] = "cancel"
    number: RequestNumber


class Start(Frozen):
    """An answer begins."""

    kind: Literal["start"] = "start"
    number: RequestNumber
    status: int
    headers: dict[str, str]


class Text(Frozen):
    """A piece of its body."""

    kind: Literal["text"] = "text"
    number: RequestNumber
    text: str


class End(Frozen):
    """It is over; with a `problem`, before it was complete."""

    kind: Literal["end"] = "end"
    number: RequestNumber
    problem: str = ""


Asked = Request | Cancel
Answered = Start | Text | End
_ASKED: Final[TypeAdapter[Asked]] = TypeAdapter(Annotated[Asked, Field(discriminator="kind")])


def read(data: Buffer) -> Asked:
    """What a browser says. Raises `WireError`, which quotes nothing of it: it may hold prompts and keys."""
    try:
        return _ASKED.validate_json(bytes(data))
    except ValidationError:
        message = "a message that is no request"
        raise WireError(message) from None


def write(answered: Answered) -> bytes:
    """What a node says."""
    return answered.model_dump_json().encode()
