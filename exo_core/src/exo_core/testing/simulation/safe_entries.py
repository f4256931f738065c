"""Which entries were once on enough disks, and which of those are final: what no later log may contradict."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import final

from exo_core.identifiers import Epoch
from exo_core.log.chain import GENESIS
from exo_core.testing.simulation.disk import VirtualDisk
from exo_core.testing.simulation.violations import Violation


@dataclass(frozen=True)
class Link:
    """An entry, as it stands between the chain before it and its own."""

    previous: bytes
    payload: bytes
    epoch: Epoch


@final
class SafeEntries:
    """`links` has the entry for each chain."""

    def __init__(self, links: Mapping[bytes, Link]) -> None:
        self._links = links
        self._safe = {GENESIS}
        self._final: list[bytes] = []
        """In `majority`: the chain after each entry that was final once."""
        self._final_since: list[Epoch] = []
        """The lowest epoch whose master found each of them final. It never falls from one to the next."""

    def found(self, chain: bytes) -> None:
        """A log that ends so was on enough disks, and so was all that precedes it."""
        while chain not in self._safe:
            self._safe.add(chain)
            chain = self._links[chain].previous

    def knows(self, disk: VirtualDisk, index: int) -> bool:
        """Whether that disk's log up to there was on enough disks; what is compacted was."""
        chain = disk.chain_at(index)
        return chain in self._safe if chain is not None else index < disk.first_index

    def check_believed(self, disk: VirtualDisk, index: int) -> None:
        """That node holds its log safe up to there: a master must have found so."""
        if not self.knows(disk, index):
            what = f"{disk.node_id} calls {index} of {disk.length} safe; no master found that entry on enough disks"
            raise Violation(promise="too few disks", what=what)

    def finalize(self, disk: VirtualDisk, index: int) -> None:
        """In `majority`: a master holds the log final up to there. It was found so in the epoch of that entry."""
        self.check_kept(disk, index)
        chain = disk.chain_at(index) or b""
        epoch = self._links[chain].epoch
        self._final.extend(reversed([*self._back_from(chain, index - len(self._final))]))
        earlier = bisect_left(self._final_since, epoch)
        self._final_since[earlier:index] = [epoch] * (index - earlier)

    def _back_from(self, chain: bytes, count: int) -> Iterator[bytes]:
        """The chains at the end of the log that ends so, the last first; some of it may be summed up on the disk."""
        for _ in range(count):
            yield chain
            chain = self._links[chain].previous

    def accept_loss(self, length: int) -> None:
        """A person goes on without what was final after that: it is on no disk as it was."""
        del self._final[length:], self._final_since[length:]

    def check_reign(self, disk: VirtualDisk, epoch: Epoch) -> None:
        """A master has all that was found final in epochs before its own.

        Not in later ones: it may learn late that it was elected, when the next master has added something already.
        """
        self.check_kept(disk, bisect_left(self._final_since, epoch))

    def check_kept(self, disk: VirtualDisk, at_least: int) -> None:
        """The log on that disk has what is final, as far as it must go."""
        known = min(at_least, len(self._final))
        if known >= disk.first_index - 1 and known and disk.chain_at(known) != self._final[known - 1]:
            what = f"entry {known} was final; {disk.node_id} has another one there, or none"
            raise Violation(promise="reordered", what=what)

    def check_cut(self, disk: VirtualDisk, to_length: int) -> None:
        """That disk is about to lose what comes after: nothing of it may be final, nor of what a snapshot sums up."""
        next_one = max(to_length + 1, disk.first_index - 1)
        if next_one <= len(self._final) and disk.chain_at(next_one) == self._final[next_one - 1]:
            raise Violation(promise="reordered", what=f"entry {next_one} was final; {disk.node_id} cuts it off")
