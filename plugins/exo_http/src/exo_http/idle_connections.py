"""Which connections wait for their client to ask something? When there are too many, the first of them has to go."""

from __future__ import annotations

from typing import Protocol, final


class Idle(Protocol):
    """A connection that answers nothing at the moment."""

    def give_way(self) -> None:
        """End, so that another has room."""
        ...


@final
class IdleConnections:
    """New ones, slow ones, and ones between two requests; the longest idle first."""

    def __init__(self) -> None:
        self._since: dict[Idle, None] = {}

    def add(self, connection: Idle) -> None:
        """It waits from now on; one that waits already goes on to."""
        self._since.setdefault(connection)

    def remove(self, connection: Idle) -> None:
        """It has a request to answer, or is gone."""
        self._since.pop(connection, None)

    def make_room(self, newest: Idle) -> bool:
        """End the one that waits longest; False when there is none but the newest."""
        longest = next(iter(self._since))
        if longest is newest:
            return False
        self.remove(longest)
        longest.give_way()
        return True
