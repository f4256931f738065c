"""How much may a stream send, and how much has it got room for? The accounts of both ends, without any I/O.

The reader grants a window; every frame costs its payload and a little; what the reader has taken is granted again. So a
reader that stops holds at most one window, and its writer stops.
"""

from __future__ import annotations

from typing import Final, final

from exo_core.errors import WireError
from exo_core.wire.frames import Frame

WINDOW: Final = 1024 * 1024
"""Bytes that a stream may have sent and not yet read."""
RELAY_WINDOW: Final = WINDOW // 4
"""The same of a stream that carries a whole link: what is urgent there waits for it, and a relay holds two of them."""
ONWARD: Final = "relay.onward"
ARRIVING: Final = "relay.arriving"
"""Names of the streams that carry links (see `relay`)."""
FRAME_COST: Final = 32
"""So that empty messages are not free."""


def window_of(stream_name: str) -> int:
    """The window of streams of that name; both ends know it."""
    return RELAY_WINDOW if stream_name in (ONWARD, ARRIVING) else WINDOW


def cost(frame: Frame) -> int:
    """What sending this frame takes from the window."""
    return len(frame.payload) + FRAME_COST


@final
class SendCredit:
    """The writer's account."""

    def __init__(self, window: int = WINDOW) -> None:
        self._window = window
        self._left = window

    def spend(self, amount: int) -> bool:
        """Take that much; False, and nothing is taken, when it is not there."""
        if amount > self._left:
            return False
        self._left -= amount
        return True

    def grant(self, amount: int) -> None:
        """The reader made room. Raises `WireError` when it grants more than was spent."""
        self._left += amount
        if self._left > self._window:
            message = "a stream was granted more credit than it has a window"
            raise WireError(message)


@final
class ReceiveCredit:
    """The reader's account. Less than a quarter of the window is not worth a grant."""

    def __init__(self, window: int = WINDOW) -> None:
        self._window = window
        self._outstanding = 0
        self._freed = 0

    def arrived(self, amount: int) -> None:
        """Something came. Raises `WireError` when the writer had no credit for it."""
        self._outstanding += amount
        if self._outstanding > self._window:
            message = "a stream sent more than its credit"
            raise WireError(message)

    def free(self, amount: int) -> int:
        """The reader took that much; how much to grant now (0: not yet)."""
        self._freed += amount
        if self._freed < self._window // 4:
            return 0
        grant, self._freed = self._freed, 0
        self._outstanding -= grant
        return grant
