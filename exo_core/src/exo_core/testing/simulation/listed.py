"""Which storms does a file name? A line for each, mode and seed; what follows a `#` is for people."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from exo_core.testing.simulation.simulate import Consistency


def listed_storms(path: Path) -> list[tuple[Consistency, int]]:
    """Mode and seed of each, in their order. Raises `KeyError` for a mode that there is not, `ValueError` otherwise."""
    modes: dict[str, Consistency] = {mode: mode for mode in get_args(Consistency)}
    words = [line.partition("#")[0].split() for line in path.read_text(encoding="utf-8").splitlines()]
    return [(modes[mode], int(seed)) for mode, seed in filter(None, words)]
