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
from exo_core.log.sqlite_pages import FRAME_HEADER, PAGE_BYTES, WAL_HEADER
from exo_core.log.sqlite_rebuilding import FILE_NAME, MARK_NAME

if TYPE_CHECKING:
    from conftest import WriteLog, Written


WAL_NAME = f"{FILE_NAME}-wal"
PAYLOAD = bytes(range(40))
FILES = (FILE_NAME, WAL_NAME, MARK_NAME)
A_FEW = 4001
"""A prime: the flips wander through bytes and bits."""
PARTS = 16


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where there is such a place: thousands of logs are written, and no power is cut here."""
    memory = Path("/dev/shm")  # noqa: S108 - a name of our own is made in it
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


def left_open(log: SqliteLog) -> None:
    """As by a process that is killed. (The connection is closed when the object is forgotten.)"""


def in_memory(written: Written, folder: Path) -> Written:
    """The same log in another folder."""
    shutil.copytree(written.folder, folder / "log")
    (folder / "log" / f"{FILE_NAME}-shm").unlink(missing_ok=True)
    return replace(written, folder=folder / "log")


def of_killed(write: WriteLog, folder: Path) -> Written:
    """What lies there when the process was killed: all that was written is in the write-ahead log."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqliteLog, "close", left_open)
        return in_memory(write("log", PAYLOAD), folder)


@pytest.fixture
def closed(write_log: WriteLog, folder: Path) -> Written:
    """A log that was closed: all of it is in the database."""
    return in_memory(write_log("log", PAYLOAD), folder)


@pytest.fixture
def killed(write_log: WriteLog, folder: Path) -> Written:
    """The same, of a process that was killed."""
    return of_killed(write_log, folder)


@pytest.fixture
def small(write_smallest: WriteLog, folder: Path) -> Written:
    """The same with so little in it that every bit can be tried."""
    return of_killed(write_smallest, folder)


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
    readable = {offer.event_id.seq for offer in (*truth.facts_after(truth.base), *truth.waiting)}
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


def some_of(truth: Written, how_many: int) -> Iterator[int]:
    """The same ones every time, all over the files."""
    bits = bits_of(truth)
    return (number * A_FEW % bits for number in range(how_many))


def test_a_flipped_bit_of_a_closed_log_is_harmless_or_noticed(closed: Written) -> None:
    assert flip_and_check(closed, some_of(closed, 1000)) > 50


def test_a_flipped_bit_of_a_killed_process_is_harmless_or_noticed(killed: Written) -> None:
    assert flip_and_check(killed, some_of(killed, 1000)) > 50


def test_a_page_of_the_write_ahead_log_whose_number_is_wrong_is_read_all_the_same(small: Written) -> None:
    """Also one that says it is the first, which is laid out in another way."""
    before, size = (8 * (small.folder / name).stat().st_size for name in (FILE_NAME, WAL_NAME))
    frames = range(8 * WAL_HEADER, size, 8 * (FRAME_HEADER + PAGE_BYTES))
    number_bits = [before + frame + bit for frame in frames for bit in range(24, 32)]
    assert flip_and_check(small, number_bits) > 0


# Every bit there is, a sixteenth at a time: a minute or two each.


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(PARTS))
def test_every_bit_of_a_closed_log(closed: Written, part: int) -> None:
    assert flip_and_check(closed, range(part, bits_of(closed), PARTS)) > 1000


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(PARTS))
def test_every_bit_of_a_small_log_of_a_killed_process(small: Written, part: int) -> None:
    assert flip_and_check(small, range(part, bits_of(small), PARTS)) > 1000


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_one_bit_of_thirty_of_a_log_of_a_killed_process(killed: Written) -> None:
    assert flip_and_check(killed, some_of(killed, bits_of(killed) // 30)) > 1000
