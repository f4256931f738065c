"""Which entries were once on enough disks, and which of those are final: what no later log may contradict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from exo_core.log.chain import GENESIS
from exo_core.testing.simulation.disk import VirtualDisk
from exo_core.testing.simulation.violations import Violation


@final
class SafeEntries:
    """`links` has for each chain the one before it, and the payload between them."""

    def __init__(self, links: Mapping[bytes, tuple[bytes, bytes]]) -> None:
        self._links = links
        self._safe = {GENESIS}
        self._final: list[bytes] = []
        """In `majority`: the chain after each entry that was final once."""

    def found(self, chain: bytes) -> None:
        """A log that ends so was on enough disks, and so was all that precedes it."""
        while chain not in self._safe:
            self._safe.add(chain)
            chain = self._links[chain][0]

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
        """In `majority`: a master holds the log final up to there."""
        self.check_kept(disk, index)
        for place in range(len(self._final) + 1, index + 1):
            self._final.append(disk.chain_at(place) or b"")

    def accept_loss(self, length: int) -> None:
        """A person goes on without what was final after that: it is on no disk as it was."""
        del self._final[length:]

    def check_kept(self, disk: VirtualDisk, at_least: int | None = None) -> None:
        """The log on that disk has what is final, all of it or as far as it must go."""
        known = len(self._final) if at_least is None else min(at_least, len(self._final))
        if known >= disk.first_index - 1 and known and disk.chain_at(known) != self._final[known - 1]:
            what = f"entry {known} was final; {disk.node_id} has another one there, or none"
            raise Violation(promise="reordered", what=what)

    def check_cut(self, disk: VirtualDisk, to_length: int) -> None:
        """That disk is about to lose what comes after: nothing of it may be final."""
        next_one = to_length + 1
        if next_one <= len(self._final) and disk.chain_at(next_one) == self._final[next_one - 1]:
            raise Violation(promise="reordered", what=f"entry {next_one} was final; {disk.node_id} cuts it off")
