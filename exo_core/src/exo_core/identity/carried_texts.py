"""The two texts that a person carries between machines: the offer of `exo invite --by-hand`, and its answer.

Each is `exo-offer-1` or `exo-answer-1`, then base32 with a checksum, then a full stop, in lines that every terminal
takes (one of more than 4,095 characters, Linux cuts). What stands before and after, and line breaks, do not matter.

An offer holds a join code without tickets, the name of the transport that made the offer, and its message. The token of
the code opens what the message is sealed with, so whoever sees the offer can answer it, as with every join code: once,
within its time, and who answered is told. The answer can be read by nobody who does not know the offer.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, field
from typing import Final, final

from exo_core.errors import JoinError
from exo_core.identity.join_code import JoinCode
from exo_core.identity.printed_bytes import printed, read_printed

LINE_LENGTH: Final = 72
LARGEST_TEXT: Final = 64 * 1024
_OFFER: Final = "offer"
_ANSWER: Final = "answer"
_VERSION: Final = "1"
_WHOLE: Final = re.compile(r"exo-(?P<kind>offer|answer)-(?P<version>[0-9]+)(?P<letters>[A-Za-z2-7\s>]*)\.")
_SOURCES: Final = {_OFFER: "`exo invite --by-hand`", _ANSWER: "the other machine"}
_LENGTH_BYTES: Final = 2


@final
@dataclass(frozen=True, kw_only=True)
class CarriedOffer:
    """An offer, taken apart. `message` is for the transport of that name."""

    code: JoinCode
    transport: str
    message: bytes = field(repr=False)

    def __str__(self) -> str:
        """The text to print."""
        return _written(_OFFER, _joined(self.code.content, self.transport.encode(), self.message))


def is_whole(text: str) -> bool:
    """Whether an offer or an answer ends here."""
    return _WHOLE.search(text) is not None


def is_offer(text: str) -> bool:
    """Whether it is meant to be an offer, damaged or not."""
    return "exo-offer-" in text


def parse_offer(text: str) -> CarriedOffer:
    """Read what a person pasted. Raises `JoinError` that says what is wrong with it and what to do."""
    try:
        content, transport, message = _split(_read(_OFFER, text))
        return CarriedOffer(code=JoinCode.from_content(content), transport=transport.decode("ascii"), message=message)
    except ValueError as problem:
        raise _damaged(_OFFER) from problem


def answer_text(message: bytes) -> str:
    """The text that brings a transport's answer back."""
    return _written(_ANSWER, message)


def parse_answer(text: str) -> bytes:
    """The message in it. Raises `JoinError` like `parse_offer`."""
    return _read(_ANSWER, text)


def _written(kind: str, content: bytes) -> str:
    text = f"exo-{kind}-{_VERSION} {printed(content, purpose=kind.encode())}."
    return "\n".join(textwrap.wrap(text, LINE_LENGTH, break_on_hyphens=False))


def _read(kind: str, text: str) -> bytes:
    found = _WHOLE.search(text[:LARGEST_TEXT])
    if found is None:
        raise _damaged(kind) if f"exo-{kind}-" in text else _another(kind)
    if found["kind"] != kind:
        raise _another(kind, f": this is the {found['kind']}")
    if found["version"] != _VERSION:
        message = f"this {kind} is of another version; update exo on this machine or on the one that made it"
        raise JoinError(message)
    try:
        return read_printed(re.sub(r"[\s>]", "", found["letters"]), purpose=kind.encode())
    except ValueError as problem:
        raise _damaged(kind) from problem


def _another(kind: str, what: str = "") -> JoinError:
    return JoinError(
        f"this is not the {kind} that {_SOURCES[kind]} printed{what}. Paste from exo-{kind}-1 to the full stop"
    )


def _damaged(kind: str) -> JoinError:
    return JoinError(
        f"this {kind} is incomplete or mistyped. Paste all that {_SOURCES[kind]} printed, up to the full stop"
    )


def _joined(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(_LENGTH_BYTES, "big") + part for part in parts)


def _split(content: bytes) -> tuple[bytes, bytes, bytes]:
    parts: list[bytes] = []
    while content:
        length = int.from_bytes(content[:_LENGTH_BYTES], "big")
        parts.append(content[_LENGTH_BYTES : _LENGTH_BYTES + length])
        content = content[_LENGTH_BYTES + length :]
    code, transport, message = parts  # ValueError when there are not three
    return code, transport, message
