"""Sizes as people type them."""

from __future__ import annotations

import psutil
import pytest

from exo_core.cli.run import command
from exo_core.cli.run_options import node_options
from exo_core.cli.sizes import bytes_of
from exo_core.errors import WrongUsage


@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("12GB", 12 * 10**9),
        ("12g", 12 * 10**9),
        ("1.5 GB", 1_500_000_000),
        ("8GiB", 8 * 2**30),
        ("500mb", 5 * 10**8),
        ("123456", 123456),
        ("60%", 600),
        ("100%", 1000),
    ],
)
def test_a_size(word: str, count: int) -> None:
    assert bytes_of(word, whole=1000) == count


@pytest.mark.parametrize(
    "word", ["", "GB", "-1GB", "0", "0%", "101%", "1e9", "1,5GB", "12 XB", "12GBs", "9" * 15 + "TB"]
)
def test_no_size(word: str) -> None:
    assert bytes_of(word, whole=1000) is None


def test_max_memory_becomes_bytes_or_wrong_usage() -> None:
    def limit(*arguments: str) -> int | None:
        context = command.make_context("run", list(arguments))
        return node_options(context.params).max_memory  # pyright: ignore[reportArgumentType] — the words of `exo run`

    assert limit() is None
    assert limit("--max-memory", "8GB") == 8 * 10**9
    assert limit("--max-memory", "50%") == psutil.virtual_memory().total // 2
    with pytest.raises(WrongUsage, match="--max-memory lots: write a size like 12GB"):
        limit("--max-memory", "lots")
