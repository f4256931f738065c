"""What a node holds for good is not looked through again and again."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from exo_core.node.garbage import YOUNG, collect_less_garbage


@pytest.fixture
def as_before() -> Iterator[None]:
    """The collector of this process as it was."""
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


@pytest.mark.usefixtures("as_before")
def test_what_is_there_stays_out_of_collections_and_new_garbage_does_not() -> None:
    class Knot:
        """Refers to itself."""

        def __init__(self) -> None:
            self.itself = self

    collect_less_garbage()
    assert gc.get_freeze_count() > 10_000
    assert gc.get_threshold()[0] == YOUNG
    knots = [Knot() for _ in range(100)]
    assert knots[0] in gc.get_objects()
    del knots
    assert gc.collect() >= 100
