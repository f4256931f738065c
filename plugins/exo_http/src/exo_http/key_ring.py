"""Which keys open this node's front door at this moment: the cluster's, and the one it was started with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import final

from exo_core.frozen import JsonValue
from exo_core.node_handle import NodeHandle
from exo_http.keys import EVERYTHING, PLUGIN, digest, granted, key_records
from exo_http.operation import Scope

_NONE: Mapping[str, JsonValue] = {}


@final
class KeyRing:
    """A key that was revoked opens nothing as soon as this node has heard of it.

    `is_reachable`: others can reach the door. Then a key is asked for even when the last one was revoked.
    """

    def __init__(self, node: NodeHandle, *, is_reachable: bool) -> None:
        self._node = node
        self._is_reachable = is_reachable
        own = node.http.api_key
        self._own = {} if own is None else {digest(own.encode()): EVERYTHING}
        self._seen: Mapping[str, JsonValue] = _NONE
        self._scopes: Mapping[str, frozenset[Scope]] = self._own

    @property
    def is_needed(self) -> bool:
        """Whether a request must show a key."""
        return bool(self._current()) or (self._is_reachable and not self._node.http.insecure_no_auth)

    def scopes_of(self, shown: Iterable[bytes]) -> frozenset[Scope] | None:
        """What the first key of `shown` that is one may do; None when none is."""
        current = self._current()
        return next((current[found] for found in map(digest, shown) if found in current), None)

    def _current(self) -> Mapping[str, frozenset[Scope]]:
        """By digest. Made anew when the state's slice is another object, which it is after each change of it."""
        slice_ = self._node.state.extensions.get(PLUGIN, _NONE)
        if slice_ is not self._seen:
            records = key_records(slice_).values()
            self._scopes = {**self._own, **{record.sha256: granted(record.scopes) for record in records}}
            self._seen = slice_
        return self._scopes
