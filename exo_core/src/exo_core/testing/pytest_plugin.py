"""The pytest plugin that comes with exo-core: marks the environment of tests, and guards it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def exo_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set EXO_TESTS=1, hide the person's own EXO_ settings, and fail a test that leaks changes of the environment."""
    for name in [name for name in os.environ if name.startswith("EXO_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("EXO_TESTS", "1")
    before = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    yield
    after = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    monkeypatch.undo()
    assert before.keys() <= after.keys() or _only_ours(before, after), "a test changed os.environ"


def _only_ours(before: dict[str, str], after: dict[str, str]) -> bool:
    return all(name.startswith("EXO_") for name in before.keys() ^ after.keys())
