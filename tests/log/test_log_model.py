"""Both logs, against a dictionary: whatever is written in whatever order, and whenever the process dies, they agree."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from copy import copy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from exo_core.errors import LogConflict, LogError
from exo_core.event_logs import EventLog, Snapshot
from exo_core.identifiers import NO_EPOCH, BootId, Epoch, NodeId, Origin
from exo_core.log.chain import GENESIS, make_entry
from exo_core.log.memory_log import MemoryLog
from exo_core.log.outbox import after_cut, fact_of
from exo_core.log.sqlite_log import SqliteLog
from exo_core.log.sqlite_rebuilding import FILE_NAME, MARK_NAME
from exo_core.state.events import DerivedId, Entry, EventId, FactId, Offer

MEMORY = Path("/dev/shm")  # noqa: S108 - a name of our own is made in it
WAL_NAME = f"{FILE_NAME}-wal"

masters = st.sampled_from([NodeId("a"), NodeId("b")])
epochs = st.builds(Epoch, term=st.integers(0, 5), master_id=masters)
origins = st.builds(Origin, node_id=masters, boot=st.sampled_from([BootId(1), BootId(2**62)]))
fact_ids = st.builds(FactId, origin=origins, seq=st.integers(1, 40))
event_ids = fact_ids | st.builds(DerivedId, epoch=epochs, n=st.integers(1, 40))
payloads = st.binary(max_size=40) | st.just(bytes(5000))  # longer than a page of the file
outboxes = st.lists(st.builds(Offer, event_id=fact_ids, payload=payloads), max_size=6, unique_by=fact_of)
contents = st.lists(st.tuples(epochs, event_ids, payloads), max_size=5)
seqs = st.lists(st.tuples(origins, st.integers(0, 99)), max_size=3).map(tuple)
Content = tuple[Epoch, EventId, bytes]


class LogMachine(RuleBasedStateMachine):
    """`model` is what the log must be: its `entries` by index, its `base` how many of them a snapshot replaces."""

    agreements: ClassVar[int] = 0

    def open(self) -> EventLog:
        """A new log; the same one again where it is durable."""
        raise NotImplementedError

    @initialize()
    def begin(self) -> None:
        nothing: dict[int, Entry] = {}
        self.model: dict[str, Any] = {"base": 0, "chain": GENESIS, "entries": nothing, "outbox": [], "epoch": NO_EPOCH}
        self.model["snapshot"] = None
        self.log = self.open()

    @property
    def length(self) -> int:
        return self.model["base"] + len(self.model["entries"])

    def chain(self, index: int) -> bytes:
        return self.model["chain"] if index == self.model["base"] else self.model["entries"][index].chain

    @rule(added=contents, outbox=outboxes | st.none())
    def append(self, added: list[Content], outbox: list[Offer] | None) -> None:
        first, chain = self.length + 1, self.chain(self.length)
        entries: list[Entry] = []
        for content in added:
            entries.append(make_entry(chain, *content))
            chain = entries[-1].chain
        self.log.append(entries, expected_length=first - 1, outbox=outbox)
        self.model["entries"] = {**self.model["entries"], **dict(enumerate(entries, start=first))}
        self.model["outbox"] = self.model["outbox"] if outbox is None else outbox

    @rule(off=st.integers(-3, 3).filter(bool), outbox=outboxes)
    def append_at_a_wrong_length(self, off: int, outbox: list[Offer]) -> None:
        with pytest.raises(LogConflict):
            self.log.append([], expected_length=self.length + off, outbox=outbox)

    @rule(data=st.data())
    def roll_back(self, data: st.DataObject) -> None:
        """As a node does: what is cut is offered again."""
        to_length = data.draw(st.integers(self.model["base"], self.length))
        cut = [self.model["entries"][index] for index in range(to_length + 1, self.length + 1)]
        outbox = list(after_cut(cut, self.model["outbox"]))
        self.log.rollback(to_length, outbox=outbox)
        kept = {index: entry for index, entry in self.model["entries"].items() if index <= to_length}
        self.model.update(entries=kept, outbox=outbox)

    @rule(data=st.data())
    def roll_back_to_where_it_cannot(self, data: st.DataObject) -> None:
        wrong = st.integers(self.length + 1, self.length + 5)
        if self.model["base"]:
            wrong |= st.integers(0, self.model["base"] - 1)
        with pytest.raises(LogError):
            self.log.rollback(data.draw(wrong), outbox=[])

    @rule(outbox=outboxes)
    def set_outbox(self, outbox: list[Offer]) -> None:
        self.log.set_outbox(outbox)
        self.model["outbox"] = outbox

    @rule(count=st.integers(0, 6))
    def forget_the_oldest_offers(self, count: int) -> None:
        self.set_outbox(self.model["outbox"][count:])

    @rule(epoch=epochs)
    def set_epoch(self, epoch: Epoch) -> None:
        if epoch < self.model["epoch"]:
            with pytest.raises(LogError):
                self.log.set_epoch(epoch)
        else:
            self.log.set_epoch(epoch)
            self.model["epoch"] = epoch

    @rule(data=st.data(), last_seqs=seqs, holes=seqs, outbox=outboxes | st.none(), state=payloads)
    def install_a_snapshot(self, data: st.DataObject, last_seqs: Any, holes: Any, outbox: Any, state: bytes) -> None:
        """Of this history, or of another one."""
        ours = st.integers(self.model["base"], self.length).map(lambda index: (index, self.chain(index)))
        others = st.tuples(st.integers(0, self.length + 5), st.just(bytes(range(32))))
        index, chain = data.draw(ours | others)
        entries: list[Entry] = [*self.model["entries"].values()][:2]
        offers: list[Offer] = self.model["outbox"][:2]
        snapshot = Snapshot(
            index=index,
            chain=chain,
            last_epoch=self.model["epoch"],
            state=state,
            last_seqs=last_seqs,
            holes=holes,
            unreduced=tuple(entries),
            facts=tuple(enumerate(offers)),
        )
        is_ours = self.model["base"] <= index <= self.length and self.chain(index) == chain
        self.log.install_snapshot(snapshot, outbox=outbox)
        kept = {at: entry for at, entry in self.model["entries"].items() if is_ours and at > index}
        self.model.update(base=index, chain=chain, entries=kept, snapshot=snapshot)
        self.model["outbox"] = self.model["outbox"] if outbox is None else outbox

    @rule()
    def mend_what_is_sound(self) -> None:
        self.log.mended()

    @invariant()
    def agrees(self) -> None:
        assert self.differences(self.log, self.model) == []
        LogMachine.agreements += 1

    def differences(self, log: EventLog, model: dict[str, Any]) -> list[str]:
        """Where the two differ."""
        base, entries = model["base"], list(model["entries"].values())
        if log.first_index != base + 1:
            return ["first index"]
        length = base + len(entries)
        chains = [model["chain"], *(entry.chain for entry in entries)]
        pairs = {
            "length": (log.length, length),
            "entries": (list(log.read(base, length + 5)), entries),
            "the second half": (list(log.read(base + len(entries) // 2, 2)), entries[len(entries) // 2 :][:2]),
            "chains": ([log.chain_at(index) for index in range(base, length + 1)], chains),
            "chains beyond": ([log.chain_at(base - 1), log.chain_at(length + 1)], [None, None]),
            "outbox": (list(log.outbox), model["outbox"]),
            "epoch": (log.epoch, model["epoch"]),
            "snapshot": (log.snapshot, model["snapshot"]),
            "damage": (log.damage, None),
        }
        return [name for name, (found, wanted) in pairs.items() if found != wanted]

    def teardown(self) -> None:
        if hasattr(self, "log"):
            self.log.close()


class MemoryMachine(LogMachine):
    """In memory."""

    def open(self) -> EventLog:
        return MemoryLog()


class SqliteMachine(LogMachine):
    """In a file: it is closed and opened, and its process dies at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self.temporary = TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self.folder = Path(self.temporary.name) / "0"

    def open(self) -> EventLog:
        return SqliteLog(self.folder)

    @rule()
    def close_and_open(self) -> None:
        self.log.close()
        self.log = self.open()

    @rule()
    def die_and_open(self) -> None:
        """After the last write was finished: all of it is there."""
        self.left_behind()
        self.log = self.open()

    @rule(data=st.data())
    def die_within_a_write(self, data: st.DataObject) -> None:
        """All of that write is there, or nothing of it."""
        before, mark = copy(self.model), (self.folder / MARK_NAME).read_bytes()
        begun = self.written_ahead()
        write = data.draw(st.sampled_from([self.roll_back, self.install_a_snapshot, self.append, self.set_epoch]))
        self.draw_and_call(data, write)
        ended = self.written_ahead()
        self.left_behind()
        (self.folder / MARK_NAME).write_bytes(mark)
        if ended > begun:
            with (self.folder / WAL_NAME).open("rb+") as file:
                file.truncate(data.draw(st.integers(begun, ended)))
        self.log = self.open()
        if self.differences(self.log, self.model):
            self.model = before

    def draw_and_call(self, data: st.DataObject, write: Callable[..., None]) -> None:
        """One of the rules above, with arguments as they are drawn for it."""
        if write == self.roll_back:
            self.roll_back(data)
        elif write == self.install_a_snapshot:
            self.install_a_snapshot(data, data.draw(seqs), data.draw(seqs), data.draw(outboxes), data.draw(payloads))
        elif write == self.append:
            self.append(data.draw(contents), data.draw(outboxes))
        else:
            self.set_epoch(data.draw(epochs))

    def written_ahead(self) -> int:
        path = self.folder / WAL_NAME
        return path.stat().st_size if path.exists() else 0

    def left_behind(self) -> None:
        """From here on, the folder as it was before the log was closed."""
        following = self.folder.with_name(str(int(self.folder.name) + 1))
        shutil.copytree(self.folder, following)
        self.log.close()
        shutil.rmtree(self.folder)
        self.folder = following

    def teardown(self) -> None:
        super().teardown()
        self.temporary.cleanup()


def agreements(machine: type[LogMachine], histories: int, steps: int) -> int:
    """Compare log and dictionary after every step of so many histories: how often they agreed.

    Raises `AssertionError`, with the shortest history that shows it, when they differ once.
    """
    profile = settings(
        max_examples=histories, stateful_step_count=steps, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    LogMachine.agreements = 0
    run_state_machine_as_test(machine, settings=profile)  # pyright: ignore[reportUnknownMemberType] - partly untyped
    return LogMachine.agreements


def test_the_log_in_memory_is_a_dictionary() -> None:
    assert agreements(MemoryMachine, histories=100, steps=50) > 1000


def test_the_log_in_a_file_is_a_dictionary() -> None:
    assert agreements(SqliteMachine, histories=100, steps=50) > 1000


def test_a_log_that_forgets_something_is_no_dictionary(monkeypatch: pytest.MonkeyPatch) -> None:
    def forget(log: MemoryLog, offers: Sequence[Offer]) -> None:
        del log, offers

    monkeypatch.setattr(MemoryLog, "set_outbox", forget)
    with pytest.raises(AssertionError, match="outbox"):
        agreements(MemoryMachine, histories=100, steps=50)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_log_in_a_file_is_a_dictionary_for_long() -> None:
    assert agreements(SqliteMachine, histories=500, steps=50) > 5000
