"""How much may be under way? Both sides' view of it. No clock of its own, no input, no output.

SCTP as it is done here neither stops when nobody reads, nor minds that what fills a narrow line's queue makes all that
follows late. So the receiver tells how much it has taken in, and the sender keeps so much under way that the line is
busy and its queue short: more while credits come promptly, less once they come later than the line alone explains.
"""

from __future__ import annotations

from collections import deque
from typing import Final, final

from exo_core.errors import WireError
from exo_transport_webrtc.fragments import FRAGMENT_BYTES

SMALLEST_BYTES: Final = 2 * FRAGMENT_BYTES
FIRST_BYTES: Final = 8 * FRAGMENT_BYTES
LARGEST_BYTES: Final = 64 * FRAGMENT_BYTES
QUEUE_SECONDS: Final = 0.04
"""How much later than the fastest ever a credit may come before less is kept under way."""

CREDIT_STEP_BYTES: Final = FRAGMENT_BYTES
"""So much is taken in before a credit is worth a packet."""

OVERDRAWN_BYTES: Final = LARGEST_BYTES + FRAGMENT_BYTES
"""So much beyond its credit nobody sends who keeps to the largest window."""

UNREAD_BYTES: Final = 256 * 1024
"""So much may wait for `receive`; beyond it, no credit is given."""

MESSAGE_COST_BYTES: Final = 64
"""What a message that waits takes besides its bytes: there may be many that have none."""


@final
class SendingWindow:
    """How much this side may have under way."""

    def __init__(self) -> None:
        self.size = FIRST_BYTES
        self._sent = 0
        self._credited = 0
        self._marks: deque[tuple[int, float]] = deque()
        self._fastest = float("inf")
        self._changed_at = 0.0

    @property
    def has_room(self) -> bool:
        """Whether another fragment may go out."""
        return self._sent - self._credited < self.size

    def sent(self, count: int, now: float) -> None:
        """A fragment of so many bytes went out."""
        self._sent += count
        self._marks.append((self._sent, now))

    def credited(self, taken: int, now: float) -> None:
        """The other side has taken in so many bytes altogether. Raises `WireError` when it cannot have."""
        if not self._credited <= taken <= self._sent:
            message = f"a credit for {taken} bytes after one for {self._credited}, of {self._sent} that were sent"
            raise WireError(message)
        was_full = not self.has_room
        self._credited = taken
        sent_at = now
        while self._marks and self._marks[0][0] <= taken:
            sent_at = self._marks.popleft()[1]
        self._adapt(now - sent_at, now, was_full=was_full)

    def _adapt(self, delay: float, now: float, *, was_full: bool) -> None:
        self._fastest = min(self._fastest, delay)
        if now - self._changed_at <= delay:  # what comes back now went out before the last change
            return
        if delay > self._fastest + QUEUE_SECONDS:
            self._changed_at = now
            self.size = max(SMALLEST_BYTES, int(self.size * (self._fastest + QUEUE_SECONDS / 2) / delay))
        elif was_full:
            self._changed_at = now
            self.size = min(LARGEST_BYTES, self.size + FRAGMENT_BYTES)


@final
class ReceivingWindow:
    """What this side has taken in, and when it is to say so."""

    def __init__(self) -> None:
        self._taken = 0
        self._told = 0
        self._unread = 0

    def arrived(self, count: int) -> None:
        """A fragment of so many bytes came. Raises `WireError` when the other side does not wait for credit."""
        self._taken += count
        if self._taken - self._told > OVERDRAWN_BYTES:
            message = f"{self._taken - self._told} bytes without credit"
            raise WireError(message)

    def completed(self, length: int) -> None:
        """A message of that length waits for `receive` now."""
        self._unread += length + MESSAGE_COST_BYTES

    def read(self, length: int) -> None:
        """It was received."""
        self._unread -= length + MESSAGE_COST_BYTES

    def due(self) -> int | None:
        """How many bytes to give credit for now; None: none are worth it, or too much waits."""
        if self._unread > UNREAD_BYTES or self._taken - self._told < CREDIT_STEP_BYTES:
            return None
        self._told = self._taken
        return self._taken
