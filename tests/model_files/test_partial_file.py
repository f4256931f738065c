"""A file that comes in parts: what is said to be there is there and right, whatever was cut short."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from exo_core.manifests import ManifestFile
from exo_core.model_files.byte_ranges import ByteRange
from exo_core.model_files.partial_file import PartialFile, is_whole, journal_of

CONTENT = bytes(range(200))
ALL = ByteRange(0, 200)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a model" / "model.safetensors"


def described(*, sha256: str | None = None, git_sha1: str | None = None) -> ManifestFile:
    return ManifestFile(path="model.safetensors", size=200, sha256=sha256, git_sha1=git_sha1)


def put(file: PartialFile, start: int, end: int) -> None:
    file.put(start, CONTENT[start:end])


def test_nothing_is_made_before_the_first_bytes_come(path: Path) -> None:
    assert PartialFile(path, 200).missing([ALL]) == [ALL]
    assert not path.parent.exists()


def test_bytes_lie_in_their_place_and_are_found_again(path: Path) -> None:
    put(PartialFile(path, 200), 150, 170)
    put(PartialFile(path, 200), 10, 20)
    assert path.stat().st_size == 200
    assert path.read_bytes()[10:20] + path.read_bytes()[150:170] == CONTENT[10:20] + CONTENT[150:170]
    again = PartialFile(path, 200)
    assert not again.whole
    assert again.missing([ByteRange(15, 155)]) == [ByteRange(20, 150)]


def test_it_is_whole_only_once_it_is_finished(path: Path) -> None:
    file = PartialFile(path, 200)
    put(file, 0, 120)
    put(file, 120, 200)
    assert file.whole
    assert not is_whole(path, 200)
    assert file.finish(described(sha256=hashlib.sha256(CONTENT).hexdigest()))
    assert is_whole(path, 200)
    assert path.read_bytes() == CONTENT
    assert [found.name for found in path.parent.iterdir()] == [path.name]


def test_a_whole_with_another_hash_starts_over(path: Path) -> None:
    file = PartialFile(path, 200)
    put(file, 0, 200)
    assert not file.finish(described(sha256="0" * 64))
    assert not path.exists()
    assert file.missing([ALL]) == [ALL]
    put(file, 0, 200)
    assert file.finish(described())


def test_where_only_git_has_a_name_for_the_content_it_is_checked(path: Path) -> None:
    """`git hash-object` says so of these bytes."""
    file = PartialFile(path, 200)
    put(file, 0, 200)
    assert not file.finish(described(git_sha1="0" * 40))
    put(file, 0, 200)
    assert file.finish(described(git_sha1="631c4448fe06b510d5260696d24533348343aa6f"))


@pytest.mark.parametrize("kind", ["dangling", "shorter"])
def test_a_link_is_replaced_and_never_written_through(kind: str, path: Path, tmp_path: Path) -> None:
    target = tmp_path / "somebody else's"
    if kind == "shorter":
        target.write_bytes(b"their own")
    path.parent.mkdir()
    path.symlink_to(target)
    put(PartialFile(path, 200), 0, 200)
    assert path.read_bytes() == CONTENT
    assert not path.is_symlink()
    assert (target.read_bytes() if target.exists() else None) == (b"their own" if kind == "shorter" else None)


def test_an_empty_file_is_whole_when_it_is_finished(path: Path) -> None:
    file = PartialFile(path, 0)
    assert not file.whole
    assert file.finish(described())
    assert is_whole(path, 0)


def test_a_journal_cut_anywhere_never_says_too_much(path: Path) -> None:
    file = PartialFile(path, 200)
    for start in (100, 20, 7):
        put(file, start, start + 5)
    said = {byte for start in (100, 20, 7) for byte in range(start, start + 5)}
    journal = journal_of(path).read_bytes()
    for length in range(len(journal) + 1):
        journal_of(path).write_bytes(journal[:length])
        after = PartialFile(path, 200)
        put(after, 60, 65)
        missing = {byte for item in PartialFile(path, 200).missing([ALL]) for byte in range(*item)}
        there = set(range(200)) - missing
        assert there <= said | set(range(60, 65)), journal[:length]
    journal_of(path).write_bytes(journal)
    assert PartialFile(path, 200).missing([ByteRange(7, 12), ByteRange(20, 25), ByteRange(100, 105)]) == []


@pytest.mark.parametrize("damage", [b"", b"cut short", CONTENT + b"more"])
def test_a_file_of_another_length_is_begun_anew(damage: bytes, path: Path) -> None:
    put(PartialFile(path, 200), 0, 50)
    path.write_bytes(damage)
    file = PartialFile(path, 200)
    assert file.missing([ALL]) == [ALL]
    put(file, 0, 200)
    assert file.finish(described())
    assert path.read_bytes() == CONTENT


def test_a_damaged_journal_only_costs_bytes(path: Path) -> None:
    put(PartialFile(path, 200), 0, 200)
    digest = hashlib.sha256(CONTENT[30:40]).hexdigest().encode()
    good = b"30 40 " + digest
    bad = [
        b"0 900 " + digest,
        b"\xff\xfe",
        b"5 4 " + digest,
        b"1 2 3",
        b"50 60",
        b"-1 5 " + digest,
        b"1 9 " + digest[1:],
    ]
    journal_of(path).write_bytes(b"\n".join([*bad, good, b""]))
    assert PartialFile(path, 200).missing([ALL]) == [ByteRange(0, 30), ByteRange(40, 200)]


@pytest.mark.parametrize("damaged", [10, 29, 60, 79])
def test_bytes_that_changed_on_the_disk_are_told_by_their_block(damaged: int, path: Path) -> None:
    for start, end in ((10, 30), (30, 50), (60, 80)):
        put(PartialFile(path, 200), start, end)
    content = bytearray(path.read_bytes())
    content[damaged] ^= 1
    path.write_bytes(content)
    file = PartialFile(path, 200)
    first, last = ([ByteRange(10, 30)], []) if damaged < 30 else ([], [ByteRange(60, 80)])
    assert file.changed(ByteRange(10, 50)) == first
    assert file.changed(ByteRange(29, 31)) == first
    assert file.changed(ByteRange(60, 61)) == last
    assert file.changed(ByteRange(30, 60)) == []
    assert file.changed(ALL) == first + last


def test_what_was_just_put_can_be_told_from_what_the_disk_made_of_it(path: Path) -> None:
    file = PartialFile(path, 200)
    put(file, 0, 200)
    assert file.changed(ALL) == []
    path.write_bytes(bytes(200))
    assert file.changed(ByteRange(5, 6)) == [ALL]
    file.forget()
    assert file.changed(ALL) == []
