"""Which keys open this node's front door at this moment: the cluster's, and the one it was started with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import final

from exo_core.frozen import JsonValue
from exo_core.node_handle import NodeHandle
from exo_http.grants import Grant
from exo_http.keys import PLUGIN, digest, grant_of_key, key_records

_NONE: Mapping[str, JsonValue] = {}
OWN = "this node's"
"""The id of the key that the node was started with; no key of the cluster has such a one."""


@final
class KeyRing:
    """A key that was revoked opens nothing as soon as this node has heard of it.

    `is_reachable`: others can reach the door. Then a key is asked for even when the last one was revoked.
    """

    def __init__(self, node: NodeHandle, *, is_reachable: bool) -> None:
        self._node = node
        self._is_reachable = is_reachable
        own = node.http.api_key
        self._own = {} if own is None else {digest(own.encode()): Grant(key_id=OWN)}
        self._seen: Mapping[str, JsonValue] = _NONE
        self._grants: Mapping[str, Grant] = self._own

    @property
    def is_needed(self) -> bool:
        """Whether a request must show a key."""
        return bool(self._current()) or (self._is_reachable and not self._node.http.insecure_no_auth)

    @property
    def of_cluster(self) -> Mapping[str, Grant]:
        """What the cluster's keys grant, by their SHA-256 in hex, the oldest first."""
        return {found: grant for found, grant in self._current().items() if grant.key_id != OWN}

    def grant_of(self, shown: Iterable[bytes]) -> Grant | None:
        """What the first key of `shown` that is one grants; None when none is."""
        current = self._current()
        return next((current[found] for found in map(digest, shown) if found in current), None)

    def _current(self) -> Mapping[str, Grant]:
        """By digest. Made anew when the state's slice is another object, which it is after each change of it."""
        slice_ = self._node.state.extensions.get(PLUGIN, _NONE)
        if slice_ is not self._seen:
            records = sorted(key_records(slice_).items(), key=lambda item: (item[1].created, item[0]))
            self._grants = {**self._own, **{record.sha256: grant_of_key(name, record) for name, record in records}}
            self._seen = slice_
        return self._grants
