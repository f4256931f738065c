"""What the keys of a node's clients use at the moment, and whether one may use more."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import final

from exo_core import hookimpl
from exo_core.identifiers import RequestId
from exo_core.observations import Observation
from exo_http.errors import ApiError
from exo_http.grants import Grant
from exo_http.key_limits import UNLIMITED, Allowance, KeyLimits


@final
class _Use:
    """Of one key."""

    def __init__(self, limits: KeyLimits, now: float) -> None:
        self.running = 0
        self.requests = Allowance(limits.requests_per_minute, now) if limits.requests_per_minute else None
        self.tokens = Allowance(limits.tokens_per_minute, now) if limits.tokens_per_minute else None

    def begin(self, limits: KeyLimits, now: float) -> None:
        """One more request. Raises `ApiError` 429."""
        if limits.requests_at_once is not None and self.running >= limits.requests_at_once:
            raise _too_much(limits.requests_at_once, "requests at once", 1.0)
        if self.tokens is not None and (wait_s := self.tokens.wait_s(now)):
            raise _too_much(limits.tokens_per_minute, "tokens a minute", wait_s)
        if self.requests is not None:
            if wait_s := self.requests.wait_s(now):
                raise _too_much(limits.requests_per_minute, "requests a minute", wait_s)
            self.requests.use(1, now)
        self.running += 1


@final
class KeyUses:
    """Of one node, which it observes to know of tokens. Belongs to the event loop."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._uses: dict[str, _Use] = {}
        self._asked: dict[RequestId, _Use] = {}
        """By whom, for each request that is being answered."""
        self._counted: dict[str, _Use] = {}
        """The same for what engines were asked because of it, until that is over."""

    @contextmanager
    def one_more(self, grant: Grant, request_id: RequestId) -> Generator[None]:
        """A request to a model, while this is entered. Raises `ApiError` 429."""
        if grant.limits == UNLIMITED:
            yield
            return
        use = self._uses.setdefault(grant.key_id, _Use(grant.limits, self._now()))
        use.begin(grant.limits, self._now())
        self._asked[request_id] = use
        try:
            yield
        finally:
            use.running -= 1
            del self._asked[request_id]

    @hookimpl
    def exo_observe(self, observation: Observation) -> None:
        """Count tokens when an engine is done; its request's id begins with that of the client's."""
        if observation.kind == "request_started":
            use = self._asked.get(RequestId(observation.subject.partition("-")[0]))
            if use is not None:
                self._counted[observation.subject] = use
        elif observation.kind == "request_finished":
            use = self._counted.pop(observation.subject, None)
            if use is not None and use.tokens is not None:
                use.tokens.use(observation.prompt_tokens + (observation.count or 0), self._now())


def _too_much(most: int | None, what: str, wait_s: float) -> ApiError:
    after = math.ceil(wait_s)
    message = f"this key may have {most} {what}; ask again in {after} s"
    return ApiError(429, "rate_limit_exceeded", message, headers={"Retry-After": str(after)})
