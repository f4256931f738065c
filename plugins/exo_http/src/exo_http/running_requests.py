"""Which requests are being answered now, so that a client can name one of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import cast, final

from starlette.types import Scope

from exo_core.identifiers import RequestId
from exo_http.grants import Grant, grant_of
from exo_http.request_ids import bare_request_id, request_id_of, shown_id_of

RUNNING = "exo.running"
"""Where a request finds all of them."""


@final
class RunningRequests:
    """Of one front door, by both ids. Two may have been given one id by their clients."""

    def __init__(self) -> None:
        self._scopes: defaultdict[str, list[Scope]] = defaultdict(list)

    def begin(self, scope: Scope) -> None:
        """A request comes in, and was named."""
        scope[RUNNING] = self
        for name in _names(scope):
            self._scopes[name].append(scope)

    def end(self, scope: Scope) -> None:
        """It was answered, one way or another."""
        for name in _names(scope):
            self._scopes[name].remove(scope)
            if not self._scopes[name]:
                del self._scopes[name]

    def named(self, shown: str) -> Sequence[Scope]:
        """Those that a client may mean by any form of an id."""
        return [*self._scopes.get(shown, ()), *self._scopes.get(bare_request_id(shown), ())]


def own_requests(scope: Scope, shown: str) -> Sequence[RequestId]:
    """The drawn ids of the requests called `shown` that were made with the key of this one; with any, for `admin`."""
    running, asking = cast("RunningRequests", scope[RUNNING]), grant_of(scope)
    found = {request_id_of(other): grant_of(other) for other in running.named(shown)}
    return [request_id for request_id, grant in found.items() if _may_end(asking, grant)]


def _may_end(asking: Grant | None, other: Grant | None) -> bool:
    """A request that was granted nothing yet is nobody's."""
    if asking is None or other is None:
        return False
    return asking.key_id == other.key_id or "admin" in asking.scopes


def _names(scope: Scope) -> set[str]:
    return {request_id_of(scope), shown_id_of(scope)}
