"""How do the frames of one unit become whole again, without holding more than was agreed?"""

from __future__ import annotations

from typing import Final, final

from exo_core.errors import WireError
from exo_core.transports import Buffer
from exo_core.wire.frames import Frame, size_limit

MAXIMUM_PARTIAL: Final = 8
"""Units begun and not ended. An honest peer has one per priority."""


@final
class Assembly:
    """The units of one link that have begun and not ended."""

    def __init__(self) -> None:
        self._partial: dict[tuple[int, int], list[Buffer]] = {}

    def add(self, frame: Frame) -> bytes | None:
        """The whole payload when `frame` ends its unit. Raises `WireError`."""
        key = (frame.kind, frame.id)
        begun = self._partial.get(key)
        if begun is None and not frame.more:
            return bytes(frame.payload)
        pieces = begun if begun is not None else self._partial.setdefault(key, [])
        pieces.append(frame.payload)
        self._check(frame.kind, pieces)
        if frame.more:
            return None
        del self._partial[key]
        return b"".join(pieces)

    def _check(self, kind: int, pieces: list[Buffer]) -> None:
        if sum(map(len, pieces)) > size_limit(kind):
            message = f"a unit of kind {kind} has more than {size_limit(kind)} bytes"
            raise WireError(message)
        if len(self._partial) > MAXIMUM_PARTIAL:
            message = f"more than {MAXIMUM_PARTIAL} units are under way at once"
            raise WireError(message)
