"""What `exo_observe` is told of a request: that it started, its first token, its replays, how it ended."""

from __future__ import annotations

import time
from typing import final

from exo_core.gateway.token_gaps import TokenGaps
from exo_core.identifiers import RequestId
from exo_core.observations import Observation, Observe
from exo_core.requests import Accepted, Answer, Chunk, Failed, Progress, Refused


@final
class ObservedRequest:
    """One request of a gateway, timed from when it came in."""

    def __init__(self, request_id: RequestId, observe: Observe) -> None:
        self._request_id = request_id
        self._observe = observe
        self._started = time.monotonic()
        self._tokens = 0
        self._prompt_tokens = 0
        self._cached_tokens = 0
        self._gaps = TokenGaps()
        self._detail = ""
        observe(Observation(kind="request_started", subject=request_id))

    def saw(self, answer: Answer) -> None:
        """An answer came. Only the first token is told."""
        if isinstance(answer, Chunk):
            self._tokens += 1
            self._gaps.token(answer.choice, time.monotonic())
            if self._tokens == 1:
                self._observe(Observation(kind="request_first_token", subject=self._request_id, seconds=self._seconds))
        elif isinstance(answer, Accepted):
            self._prompt_tokens = len(answer.prompt_ids)
        elif isinstance(answer, Progress):
            self._cached_tokens = max(self._cached_tokens, answer.cached)
        elif isinstance(answer, Refused | Failed):
            self._detail = answer.code

    def replayed(self, code: str) -> None:
        """An attempt ended with that code, and the next one begins; `count` is the number of tokens so far."""
        self._observe(
            Observation(
                kind="request_replayed",
                subject=self._request_id,
                seconds=self._seconds,
                count=self._tokens,
                detail=code,
            )
        )

    def finished(self) -> None:
        """It is over, one way or another; `count` is the number of tokens, `detail` the code of an error."""
        self._observe(
            Observation(
                kind="request_finished",
                subject=self._request_id,
                seconds=self._seconds,
                count=self._tokens,
                detail=self._detail,
                prompt_tokens=self._prompt_tokens,
                cached_tokens=self._cached_tokens,
                gap_counts=tuple(self._gaps.counts),
                gap_seconds=self._gaps.seconds,
            )
        )

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._started
