"""In which order do two nodes introduce themselves?

Rules: the dialler speaks first; each side says one thing; whoever hears an unacceptable introduction answers with a
Refusal and hangs up. A link carries frames once both are `met`. Anything else is a `WireError`.

| side     | in state   | on                    | goes to | and sends |
|----------|------------|-----------------------|---------|-----------|
| dialler  | silent     | begin                 | waiting | Hello     |
| dialler  | waiting    | Welcome, acceptable   | met     |           |
| dialler  | waiting    | Welcome, unacceptable | refused | Refusal   |
| dialler  | waiting    | Refusal               | refused |           |
| acceptor | listening  | Hello, acceptable     | heard   |           |
| acceptor | listening  | Hello, unacceptable   | refused | Refusal   |
| acceptor | heard      | welcome               | met     | Welcome   |
| acceptor | heard      | refuse                | refused | Refusal   |
"""

from __future__ import annotations

from typing import Final, Literal, final

from pydantic import ValidationError

from exo_core.errors import WireError
from exo_core.identifiers import NodeId
from exo_core.transports import Buffer
from exo_core.wire.codec import decode_model, encode_model, unpack
from exo_core.wire.hello import Hello, Judge, Preamble, Refusal, RefusalCode, Welcome, complaint, version_complaint

State = Literal["silent", "waiting", "listening", "heard", "met", "refused"]
Step = Literal["begin", "hello", "welcome", "refusal", "refuse"]

INTRODUCTION_BYTES: Final = 256 * 1024
"""The most that a Hello, Welcome or Refusal may have."""

TRANSITIONS: Final[dict[tuple[State, Step], State]] = {
    ("silent", "begin"): "waiting",
    ("waiting", "welcome"): "met",
    ("waiting", "refusal"): "refused",
    ("waiting", "refuse"): "refused",
    ("listening", "hello"): "heard",
    ("listening", "refuse"): "refused",
    ("heard", "welcome"): "met",
    ("heard", "refuse"): "refused",
}


@final
class Handshake:
    """One side of an introduction. `proven` is whom the link's certificate names."""

    def __init__(self, side: Literal["dialler", "acceptor"], *, own: Hello, proven: NodeId, judge: Judge) -> None:
        self.state: State = "silent" if side == "dialler" else "listening"
        self.other: Hello | None = None
        self.refusal: Refusal | None = None
        """Ours or theirs, once `refused`."""
        self.refused_by_us = False
        self.name = proven[:8]
        """How the other side is called, as soon as it has said so."""
        self._own = own
        self._proven = proven
        self._judge = judge

    def begin(self) -> bytes:
        """The dialler's first message."""
        self._step("begin")
        return encode_model(self._own)

    def receive(self, data: Buffer) -> bytes | None:
        """Take the other side's message; what to answer before hanging up, if anything. Raises `WireError`."""
        preamble = _preamble(data)
        self.name = preamble.name
        if preamble.type == "refusal":
            refusal = decode_model(Refusal, data)
            self._step("refusal")
            self.refusal = refusal
            return None
        reason = version_complaint(self._own, preamble)
        if reason is not None:
            return self.refuse("version", reason)
        other = self._introduced(preamble, data)
        problem = complaint(self._own, other, self._proven, self._judge)
        if problem is not None:
            return self.refuse(*problem)
        self._step("hello" if preamble.type == "hello" else "welcome")
        self.other = other
        return None

    def welcome(self, link_number: int) -> bytes:
        """The acceptor's yes."""
        self._step("welcome")
        return encode_model(Welcome.of(self._own.model_copy(update={"link_number": link_number})))

    def refuse(self, code: RefusalCode, reason: str) -> bytes:
        """Either side's no."""
        self._step("refuse")
        self.refused_by_us = True
        self.refusal = Refusal.by(self._own, code, reason)
        return encode_model(self.refusal)

    def _introduced(self, preamble: Preamble, data: Buffer) -> Hello:
        if preamble.type == "hello" and self.state == "listening":
            return decode_model(Hello, data)
        if preamble.type == "welcome" and self.state == "waiting":
            return decode_model(Welcome, data).hello
        message = f"'{preamble.type}' where an introduction was expected ({self.state})"
        raise WireError(message)

    def _step(self, step: Step) -> None:
        following = TRANSITIONS.get((self.state, step))
        if following is None:
            message = f"'{step}' is out of order in a handshake that is {self.state}"
            raise WireError(message)
        self.state = following


def _preamble(data: Buffer) -> Preamble:
    if len(data) > INTRODUCTION_BYTES:
        message = f"an introduction of {len(data)} bytes"
        raise WireError(message)
    try:
        return Preamble.model_validate(unpack(data))
    except ValidationError:
        message = "the first message is no introduction of exo"
        raise WireError(message) from None
