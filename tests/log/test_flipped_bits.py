"""Any single flipped bit of the log's files: every row that is read is right, or the log says so; it always opens."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from exo_core.log.outbox import facts_of
from exo_core.log.sqlite_log import SqliteLog
from exo_core.log.sqlite_rebuilding import FILE_NAME, MARK_NAME

if TYPE_CHECKING:
    from conftest import WriteLog, Written

WAL_NAME = f"{FILE_NAME}-wal"
PAYLOAD = bytes(range(40))
FILES = (FILE_NAME, WAL_NAME, MARK_NAME)
A_FEW = 4001
"""A prime: the flips wander through bytes and bits."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where there is such a place: thousands of logs are written, and no power is cut here."""
    memory = Path("/dev/shm")  # noqa: S108 - a name of our own is made in it
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


def left_open(log: SqliteLog) -> None:
    """As by a process that is killed. (The connection is closed when the object is forgotten.)"""


@pytest.fixture(params=["closed", "killed"])
def truth(request: pytest.FixtureRequest, write_log: WriteLog, folder: Path) -> Written:
    """A log that was closed (all of it in the database), or whose process was killed (all in the write-ahead log)."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "killed":
            patch.setattr(SqliteLog, "close", left_open)
        written = write_log("log", PAYLOAD)
        shutil.copytree(written.folder, folder / "log")
    (folder / "log" / f"{FILE_NAME}-shm").unlink(missing_ok=True)
    return replace(written, folder=folder / "log")


def flip_and_check(truth: Written, flips: Iterable[int]) -> int:
    """Flip each of these bits, counted through all files. How many of the flips were noticed."""
    files = {name: (truth.folder / name).read_bytes() for name in FILES if (truth.folder / name).exists()}
    noticed = 0
    for flip in flips:
        for path in truth.folder.iterdir():
            path.unlink()
        place, bit = flip // 8, flip % 8
        for name, content in files.items():
            changed = bytearray(content)
            if 0 <= place < len(changed):
                changed[place] ^= 1 << bit
            place -= len(content)
            (truth.folder / name).write_bytes(changed)
        noticed += is_right_or_says_so(truth, flip)
    return noticed


def is_right_or_says_so(truth: Written, flip: int) -> bool:
    """Whether the log says that it was damaged. It is the truth otherwise, and a part of the truth in any case."""
    log = truth.open()
    before = log.first_index - 1
    entries = list(log.read(before, 100))
    assert entries == truth.entries[before : log.length], flip
    assert [truth.fact(offer.event_id.seq) for offer in log.outbox] == list(log.outbox), flip
    if log.damage is None:
        truth.assert_holds_all(log)
    held = {offer.event_id.seq for offer in (*facts_of(entries), *log.outbox)}
    readable = {offer.event_id.seq for offer in (*truth.facts_after(10), *truth.waiting)}
    assert len(readable - held) <= 1, flip  # one bit takes one fact at most
    assert log.epoch == truth.epoch, flip
    found = (log.damage, log.length, list(log.outbox))
    log.close()
    log = truth.open()
    assert (log.damage, log.length, list(log.outbox)) == found, flip
    log.append(truth.entries[log.length :], expected_length=log.length, outbox=truth.waiting)
    log.close()
    return found[0] is not None


def bits_of(truth: Written) -> int:
    return 8 * sum((truth.folder / name).stat().st_size for name in FILES if (truth.folder / name).exists())


def test_a_flipped_bit_is_harmless_or_noticed(truth: Written) -> None:
    bits = bits_of(truth)
    assert flip_and_check(truth, (number * A_FEW % bits for number in range(1000))) > 50


@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
def test_every_flipped_bit_is_harmless_or_noticed(truth: Written) -> None:
    assert flip_and_check(truth, range(bits_of(truth))) > 10_000
