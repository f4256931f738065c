"""The test's side: what is wrong with the network of processes that run with the transport `chaos`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import final

from exo_core.identifiers import NodeId
from exo_core.testing.chaos.fault_file import write_faults
from exo_core.testing.chaos.faults import Fault, Faults, LinkKind


@final
class Chaos:
    """Faults of all processes that were started with `environment`. They follow within some hundredths of a second."""

    def __init__(self, file: Path, *, wraps: str) -> None:
        """`wraps`: the transport to be hit, as `package.module:factory`. `file` is written here and nowhere else."""
        self._file = file
        self.environment = {"EXO_CHAOS_WRAPS": wraps, "EXO_CHAOS_FAULTS": str(file)}
        self.heal()

    def put(self, *faults: Fault) -> None:
        """These hold from now on, and no others."""
        write_faults(self._file, Faults(faults=faults))

    def heal(self) -> None:
        """Nothing is wrong any more."""
        self.put()

    def part(self, one: Iterable[str], other: Iterable[str], *, cut: bool = False) -> None:
        """No message gets from one group of nodes to the other, or back; silently, unless `cut`."""
        self.put(*parting(one, other, cut=cut))


def parting(
    one: Iterable[str], other: Iterable[str], *, cut: bool = False, links: LinkKind | None = None
) -> tuple[Fault, ...]:
    """The faults that keep two groups of nodes from hearing each other."""
    pairs = [(NodeId(here), NodeId(there)) for here in one for there in other]
    ways = [*pairs, *((there, here) for here, there in pairs)]
    return tuple(Fault(source=here, target=there, links=links, cut=cut, blackhole=not cut) for here, there in ways)
