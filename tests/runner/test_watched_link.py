"""What the next stage says back is kept for the engine, and its end is noticed though nobody asks."""

from __future__ import annotations

import time
from queue import SimpleQueue

import pytest

from exo_core.errors import LinkClosed
from exo_core.runner.watched_link import MOST_KEPT, WatchedLink
from exo_core.testing.blocking_pair import blocking_pair
from exo_core.transports import BlockingLink


def watched() -> tuple[WatchedLink, BlockingLink, SimpleQueue[BlockingLink]]:
    """It, its other end, and whom it told its end."""
    here, there = blocking_pair(capacity=2 * MOST_KEPT)
    ended: SimpleQueue[BlockingLink] = SimpleQueue()
    link = WatchedLink(here, ended.put)
    link.watch()
    return link, there, ended


def test_it_is_a_link_in_both_directions() -> None:
    link, there, _ = watched()
    link.send(b"a", b"b")
    assert there.receive(5) == b"ab"
    there.send(b"c")
    there.send(b"")
    assert (link.receive(5), link.receive(5), link.receive(0)) == (b"c", b"", None)
    assert (link.peer.role, link.address) == ("runner:second", "memory:runner:second")
    link.close()


def test_an_end_is_told_at_once_and_to_whoever_asks() -> None:
    link, there, ended = watched()
    there.send(b"last")
    there.close()
    assert ended.get(timeout=5) is link
    assert link.receive(0) == b"last"
    for _ in range(2):
        with pytest.raises(LinkClosed):
            link.receive(0)


def test_who_says_more_than_anybody_asked_for_loses_the_link() -> None:
    link, there, ended = watched()
    for _ in range(MOST_KEPT):
        there.send(b"!")
    assert ended.get(timeout=5) is link
    assert [link.receive(0) for _ in range(MOST_KEPT)] == [b"!"] * MOST_KEPT
    with pytest.raises(LinkClosed, match="said too much"):
        link.receive(0)


def test_waiting_ends_with_the_time() -> None:
    link, _, _ = watched()
    began = time.monotonic()
    assert link.receive(0.02) is None
    assert 0.02 <= time.monotonic() - began < 5
    link.close()
