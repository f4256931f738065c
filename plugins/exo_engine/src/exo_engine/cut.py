"""A cut of the model: how what one stage computed reaches the next, over one ring's link.

The next stage is offered codecs in the ring's first step (`link_talk.py`). When the first hidden states are to be sent
the stages are warming up, or begin anew, and the link is quiet: then it is measured, and a codec is chosen. What turns
out to carry less while both stages compute gets a coarser one (a link in Python has to share its process with them); a
finer one only the next ring. Rows of requests that want it so travel exactly, whatever was chosen.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from itertools import count
from typing import Final, final

from exo_core.transports import BlockingLink
from exo_engine.codec_choice import FAST_BYTES_PER_S, choose_codec, token_seconds
from exo_engine.codecs import CODECS, CodecName, encode, smaller_codecs
from exo_engine.link_speed import PATIENCE_S, measured_speed
from exo_engine.link_talk import OFFER, Receipt, decode_receipt, encode_probe, offered
from exo_engine.sending import Sending
from exo_engine.stage import Activation, Stage
from exo_engine.step_stream import ActivationHeader, StepHeader, encode_step
from exo_engine.steps import Forward

logger = logging.getLogger(__name__)

SLOWER: Final = 1.6
"""With `SHARE`, 1.3: so many times as long as a stage needs for a token a link must seem to need for a row, to be what
the stages wait for. A stage that reads late makes a link seem slow too, but no slower than itself.
"""
RECEIPT_PATIENCE_S: Final = 1.0
"""For the answer to an offer, which was sent before the step's own answer went around the ring."""


@final
class Cut:
    """The sending side, used by one thread. `may_offer`: whether the next stage may be sent anything but exact states.

    `fixed` takes the choice away, to compare; what the next stage does not know is not sent all the same.
    """

    def __init__(
        self,
        link: BlockingLink,
        stage: Stage,
        *,
        may_offer: bool,
        fixed: CodecName | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.may_offer = may_offer
        self.remark = ""
        """For people: what was measured and chosen."""
        self._link = link
        self._stage = stage
        self._fixed = fixed
        self._clock = clock
        self._codec: CodecName = "exact"
        self._has_offered = self._is_settled = False
        self._known: tuple[str, ...] = ()
        """Which codecs the next stage has said that it knows."""
        self._token_seconds = 0.0
        """For which the slower of both stages computes a token of a prompt."""
        self._probes = count(1)
        self._sending: Sending | None = None
        self._send = link.send

    def send(self, header: StepHeader, activation: Activation | None) -> None:
        """Send a step and what its forward gave to the next stage. Raises `LinkClosed`."""
        if activation is None:
            self._send_alone(header)
            return
        if self._has_offered and not self._is_settled:
            self._settle(activation)
        elif self._sending is not None and (seen := self._sending.seen_speed) is not None:
            self._reconsider(activation, seen, self._sending)
        codec, data = "exact", activation.data
        if self._codec != "exact":
            codec, data = encode(self._codec, activation, asked_exact=_asked_exact(header))
        described = ActivationHeader(codec=codec, dtype=activation.dtype, shape=activation.shape)
        whole = self._understood(header).model_copy(update={"activation": described})
        self._send(*encode_step(whole, data))

    def close(self) -> None:
        """Send nothing more."""
        if self._sending is not None:
            self._sending.close()

    def _send_alone(self, header: StepHeader) -> None:
        offers = self.may_offer and not self._has_offered and not header.step.operations
        if offers:
            self._has_offered = True
            self._send(*encode_step(header.model_copy(update={"activation": OFFER}), offered()))
        else:
            self._send(*encode_step(header))

    def _understood(self, header: StepHeader) -> StepHeader:
        """The step without what only stages know that know of codecs."""
        if self._known or not isinstance(forward := header.step.operations[-1], Forward) or not forward.exact:
            return header
        operations = (*header.step.operations[:-1], Forward(rows=forward.rows))
        return header.model_copy(update={"step": header.step.model_copy(update={"operations": operations})})

    def _settle(self, activation: Activation) -> None:
        """Hear what the next stage knows, measure the link, choose."""
        self._is_settled = True
        receipt = self._receipt(RECEIPT_PATIENCE_S)
        if receipt is not None:
            self._known = receipt.codecs
            self._token_seconds = max(token_seconds(self._stage.report()), receipt.token_seconds)
        speed = measured_speed(self._exchange) if self._known else None
        if speed is None:
            self.remark = "sends exact hidden states: the next stage did not say that it knows others"
            return
        self._use(self._suiting(activation, speed, self._token_seconds), speed)
        if speed < FAST_BYTES_PER_S:
            self._sending = Sending(self._link, self._clock)
            self._send = self._sending.send

    def _suiting(self, activation: Activation, speed: float, seconds: float) -> CodecName:
        dtype, width = activation.dtype, activation.shape[-1]
        chosen = self._fixed or choose_codec(dtype, width, bytes_per_s=speed, token_seconds=seconds)
        return chosen if chosen in self._known and chosen in smaller_codecs(dtype, width) else "exact"

    def _reconsider(self, activation: Activation, seen: float, sending: Sending) -> None:
        """A coarser codec if the link, and not a stage, is what the other waits for."""
        sending.forget_speed()
        wanted = self._suiting(activation, seen, SLOWER * self._token_seconds)
        if CODECS.index(wanted) > CODECS.index(self._codec):
            self._use(wanted, seen)

    def _use(self, codec: CodecName, speed: float) -> None:
        self._codec = codec
        self.remark = f"sends {codec} hidden states: the next stage is reached at {speed / 1e6:.3g} MB/s"
        logger.info("%s", self.remark)

    def _exchange(self, size: int) -> float | None:
        number = next(self._probes)
        probe = encode_probe(number, size)
        began = self._clock()
        self._link.send(*probe)
        while (left := began + PATIENCE_S - self._clock()) > 0:
            receipt = self._receipt(left)
            if receipt is not None and receipt.probe == number:
                return self._clock() - began
        return None

    def _receipt(self, patience: float) -> Receipt | None:
        message = self._link.receive(patience)
        return None if message is None else decode_receipt(message)


def _asked_exact(header: StepHeader) -> list[int]:
    forward = header.step.operations[-1]
    return forward.exact_tokens if isinstance(forward, Forward) else []
